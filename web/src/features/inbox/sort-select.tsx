import { useTranslation } from "react-i18next";
import type { KeptView } from "@/lib/api/types.ts";
import { ORDERS, SORTS, type Source } from "./source.ts";

interface SortSelectProps {
  source: Source;
  view: KeptView | null;
  onSort: (sort: string) => void;
}

/** In which order the list is; a view that is kept has its own. */
export function SortSelect({ source, view, onSort }: SortSelectProps) {
  const { t } = useTranslation("inbox");
  if (source.kind === "kept") {
    return view && <span className="text-xs text-ink-faint">{t(`sort.${view.sort}`)}</span>;
  }
  const choices = source.kind === "words" ? ORDERS : SORTS;
  return (
    <select
      aria-label={t("sort.label")}
      value={source.sort}
      onChange={(event) => onSort(event.target.value)}
      className="h-8 max-w-32 min-w-0 cursor-default rounded-sm bg-surface px-1 text-sm text-ink-soft hover:bg-hover hover:text-ink"
    >
      {choices.map((sort) => (
        <option key={sort} value={sort}>
          {t(`sort.${sort}`)}
        </option>
      ))}
    </select>
  );
}
