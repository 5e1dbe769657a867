import type { Sla } from "@/lib/api/types.ts";

/** How a clock stands, as a person reads it. */
export type SlaLook = "none" | "running" | "warned" | "overdue" | "paused" | "met";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** From here on it is near whatever share of its time the policy warns at; seconds are counted, too. */
const NEAR = 10 * MINUTE;

/**
 * The look at `now` (epoch milliseconds).
 *
 * The server tells when to warn and what was missed; a deadline that comes near or passes is shown so even before.
 */
export function slaLook(sla: Sla, now: number): SlaLook {
  switch (sla.state) {
    case "breached":
      return "overdue";
    case "running":
    case "warned": {
      const left = sla.next_due_at === null ? Number.POSITIVE_INFINITY : Date.parse(sla.next_due_at) - now;
      return left <= 0 ? "overdue" : left < NEAR ? "warned" : sla.state;
    }
    case "paused":
    case "met":
      return sla.state;
    default:
      return "none";
  }
}

/** A span in at most two units of the reader's language: "2 hr 5 min", "4 days 3 hr", and "4:05" in the last ten minutes. */
export function formatSpan(milliseconds: number, locale: string): string {
  const span = Math.abs(milliseconds);
  if (span < NEAR) {
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
