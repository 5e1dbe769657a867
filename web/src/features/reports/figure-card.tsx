import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Overview } from "@/lib/api/types.ts";
import { ExplainButton } from "./explain-button.tsx";
import { type FigureId, formatFigure, isComparable, numberOf } from "./figures.ts";
import { TicketsLink } from "./tickets-link.tsx";

interface FigureCardProps {
  id: FigureId;
  overview: Overview;
  before: Overview | undefined;
}

/** One number: what it is, what it was before, and which tickets it counts. */
export function FigureCard({ id, overview, before }: FigureCardProps) {
  const { t, i18n } = useTranslation("reports");
  const [isExplained, setExplained] = useState(false);
  const name = t(`metric.${id}`);
  const value = numberOf(overview.figures, id);
  const earlier = before && isComparable(id) ? numberOf(before.figures, id) : null;
  const search = overview.searches[id];
  const shown = value === null ? "–" : formatFigure(id, value, i18n.language);
  return (
    <li className="flex min-w-0 flex-col gap-1 rounded-md border border-line bg-surface p-4">
      <div className="flex items-start justify-between gap-2">
        <h3 className="min-w-0 pt-1 text-sm text-ink-soft">{name}</h3>
        <span className="-m-1">
          <ExplainButton name={name} isOpen={isExplained} onToggle={() => setExplained(!isExplained)} />
        </span>
      </div>
      <p className="text-lg font-semibold tabular-nums" data-figure={id}>
        {search && value !== null ? (
          <TicketsLink q={search} label={`${shown}. ${t("showOf", { name })}`}>
            {shown}
          </TicketsLink>
        ) : (
          shown
        )}
      </p>
      <p className="text-xs text-ink-faint tabular-nums">
        {value === null
          ? t("nothing")
          : earlier === null
            ? isComparable(id) && t("noBefore")
            : t("before", { value: formatFigure(id, earlier, i18n.language) })}
      </p>
      {isExplained && <p className="pt-1 text-xs text-ink-soft">{t(`definition.${id}`)}</p>}
    </li>
  );
}
