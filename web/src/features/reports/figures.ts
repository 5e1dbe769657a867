import type { Overview } from "@/lib/api/types.ts";

/** The figures that are one number, in the order in which they are shown. */
export const FIGURES = [
  "tickets_created",
  "tickets_solved",
  "backlog",
  "first_response_time",
  "resolution_time",
  "tickets_reopened",
  "reopen_rate",
  "replies_delivered",
  "replies_failed",
] as const;
export type FigureId = (typeof FIGURES)[number];

/** The number of a figure: a duration's is its median in seconds; null where nothing was measured. */
export function numberOf(figures: Overview["figures"], id: FigureId): number | null {
  const value = figures[id];
  return typeof value === "object" && value !== null ? value.median : value;
}

/** A backlog is of now, whatever the period: the one before has none of its own. */
export function isComparable(id: FigureId): boolean {
  return id !== "backlog";
}

export function formatFigure(id: FigureId, value: number, locale: string): string {
  switch (id) {
    case "first_response_time":
    case "resolution_time":
      return formatDuration(value, locale);
    case "reopen_rate":
      return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }).format(value);
    default:
      return new Intl.NumberFormat(locale).format(value);
  }
}

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** A duration in its two largest units: `1 hr 5 min`. */
export function formatDuration(seconds: number, locale: string): string {
  let left = Math.round(seconds);
  const parts = UNITS.flatMap(([unit, length]) => {
    const count = Math.floor(left / length);
    left -= count * length;
    return count > 0 || (unit === "second" && seconds < 1)
      ? [new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short" }).format(count)]
      : [];
  });
  return parts.slice(0, 2).join(" ");
}
