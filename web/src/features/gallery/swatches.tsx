/** Text on the surfaces it may stand on; `ui/tokens.test.ts` holds each pair to WCAG AA in both themes. */
export const PAIRS = {
  canvas: ["ink", "ink-soft", "ink-faint", "accent", "bad"],
  surface: ["ink", "ink-soft", "ink-faint", "accent", "note", "good", "warn", "bad"],
  raised: ["ink", "ink-soft", "ink-faint", "accent", "bad"],
  hover: ["ink", "ink-soft", "ink-faint", "bad"],
  selected: ["ink", "ink-soft", "ink-faint", "bad"],
  accent: ["on-accent"],
  "accent-strong": ["on-accent"],
  "accent-soft": ["accent-strong", "ink"],
  note: ["on-note"],
  "note-strong": ["on-note"],
  "note-soft": ["note", "ink", "ink-soft", "ink-faint"],
  "good-soft": ["good", "ink"],
  "warn-soft": ["warn", "ink"],
  "bad-soft": ["bad", "ink"],
} as const;

/** The colours, each with what may be written on it. */
export function Swatches() {
  return (
    <ul className="grid w-full grid-cols-[repeat(auto-fill,minmax(9rem,1fr))] gap-3">
      {Object.entries(PAIRS).map(([surface, texts]) => (
        <li
          key={surface}
          className="flex min-h-20 flex-col rounded-md border border-line p-3 text-xs"
          style={{ background: `var(--color-${surface})` }}
        >
          {texts.map((text) => (
            <span key={text} style={{ color: `var(--color-${text})` }}>
              {text} / {surface}
            </span>
          ))}
        </li>
      ))}
    </ul>
  );
}
