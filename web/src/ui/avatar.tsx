/** The first letters of a name in a circle. Decoration: the name itself stands beside it. */
export function Avatar({ name, tone = "neutral" }: { name: string; tone?: "neutral" | "accent" | "note" }) {
  const colours = {
    neutral: "bg-hover text-ink-soft",
    accent: "bg-accent-soft text-accent-strong",
    note: "bg-note-soft text-note",
  };
  return (
    <span
      aria-hidden
      className={`grid size-7 shrink-0 place-items-center rounded-full text-xs font-medium ${colours[tone]}`}
    >
      {initials(name)}
    </span>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => firstGrapheme(word ?? ""));
  return letters.join("").toLocaleUpperCase() || "?";
}

/** Letters of Hindi or Bengali are several code points; half of one is not a letter. */
function firstGrapheme(word: string): string {
  const [first] = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(word);
  return first?.segment ?? "";
}
