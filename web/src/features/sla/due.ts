import type { Sla } from "@/lib/api/types.ts";

/** How a clock stands, as a person reads it. */
export type SlaLook = "none" | "running" | "warned" | "overdue" | "paused" | "met";

/** The look at `now` (epoch milliseconds). A deadline that passed is overdue even before the server's event arrives. */
export function slaLook(sla: Sla, now: number): SlaLook {
  switch (sla.state) {
    case "breached":
      return "overdue";
    case "running":
    case "warned":
      return sla.next_due_at !== null && Date.parse(sla.next_due_at) <= now ? "overdue" : sla.state;
    case "paused":
    case "met":
      return sla.state;
    default:
      return "none";
  }
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span in at most two units of the reader's language: "2 hr 5 min", "4 days 3 hr", and "4:05" in the last ten minutes. */
export function formatSpan(milliseconds: number, locale: string): string {
  const span = Math.abs(milliseconds);
  if (span < 10 * MINUTE) {
    const seconds = Math.floor(span / 1000);
    const two = new Intl.NumberFormat(locale, { minimumIntegerDigits: 2 });
    return `${new Intl.NumberFormat(locale).format(Math.floor(seconds / 60))}:${two.format(seconds % 60)}`;
  }
  if (span < HOUR) {
    return unit(Math.floor(span / MINUTE), "minute", locale);
  }
  if (span < DAY) {
    return pair(Math.floor(span / HOUR), "hour", Math.floor((span % HOUR) / MINUTE), "minute", locale);
  }
  return pair(Math.floor(span / DAY), "day", Math.floor((span % DAY) / HOUR), "hour", locale);
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string, locale: string): string {
  const head = unit(large, largeUnit, locale);
  return small === 0 ? head : `${head} ${unit(small, smallUnit, locale)}`;
}

function unit(value: number, name: string, locale: string): string {
  return new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "short" }).format(value);
}
