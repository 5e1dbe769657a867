import { useTranslation } from "react-i18next";
import type { TimelineEntry } from "@/lib/api/types.ts";
import { formatExact } from "@/lib/format.ts";
import { causeOf, type Settings, toldChanges } from "./changes.ts";

const EXCERPT = 160;

const MARKS = {
  customer: "bg-ink-faint",
  reply: "bg-accent",
  note: "bg-note",
  system: "bg-line",
} as const;

interface HistoryEntryProps {
  entry: TimelineEntry;
  settings: Settings;
  /** The number of the ticket it happened to, where that was merged into this one. */
  inMerged: number | null;
}

/** One thing that happened: who, what, by what way, and each field before and after. */
export function HistoryEntry({ entry, settings, inMerged }: HistoryEntryProps) {
  const { t, i18n } = useTranslation(["history", "desk", "panel", "links"]);
  const { actor, message, via } = entry;
  const changes = toldChanges(t, entry, settings, i18n.language);
  // What the desk itself notes in a thread is told by what was done.
  const isSaid = message !== null && message.kind !== "system";
  const what = isSaid ? t(`message.${message.kind}`) : t(`cause.${causeOf(entry.cause)}`);
  return (
    <li className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3">
      <span aria-hidden className={`mt-1.5 size-2 rounded-full ${MARKS[message?.kind ?? "system"]}`} />
      <div className="flex flex-col gap-1">
        <p className="text-sm">
          <bdi className="font-medium">{actor.name || t(`actor.${actor.kind}`)}</bdi> {what}
        </p>
        {message && (
          <p dir="auto" className="page-start line-clamp-3 text-sm break-words text-ink-soft">
            {message.text.slice(0, EXCERPT)}
          </p>
        )}
        {changes.length > 0 && (
          <ul className="flex flex-col gap-0.5 text-xs text-ink-soft">
            {changes.map(({ field, before, after }) => (
              <li key={field} className="break-words">
                <span className="text-ink-faint">{field}:</span>{" "}
                {before !== null && (
                  <>
                    <span className="sr-only">{t("from")} </span>
                    <bdi className="line-through decoration-ink-faint">{before}</bdi>{" "}
                    <span aria-hidden className="inline-block rtl:-scale-x-100">
                      →
                    </span>
                    <span className="sr-only">{t("to")} </span>{" "}
                  </>
                )}
                <bdi className="text-ink">{after ?? t("nothing")}</bdi>
              </li>
            ))}
          </ul>
        )}
        <p className="text-xs text-ink-faint">
          <time dateTime={entry.at}>{formatExact(entry.at, i18n.language)}</time>
          {via && ` · ${t(`via.${via}`)}`}
          {inMerged !== null && ` · ${t("ofMerged", { number: inMerged })}`}
        </p>
      </div>
    </li>
  );
}
