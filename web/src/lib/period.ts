/** Days of the reader's calendar as `YYYY-MM-DD`, both included. */
export interface Days {
  from: string;
  to: string;
}

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

function dayOf(date: Date): string {
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0"));
  return `${date.getFullYear()}-${month}-${day}`;
}

/** Midnight at which the day begins where the reader is, or so many days later. */
function midnight(day: string, later = 0): Date {
  const [, year, month, date] = DAY.exec(day) ?? [];
  return new Date(Number(year), Number(month) - 1, Number(date) + later);
}

/** The day if it is one that exists, else undefined. */
export function checkedDay(value: unknown): string | undefined {
  return typeof value === "string" && DAY.test(value) && dayOf(midnight(value)) === value ? value : undefined;
}

/** The last so many days, today among them. */
export function lastDays(count: number, now: Date): Days {
  return { from: dayOf(new Date(now.getFullYear(), now.getMonth(), now.getDate() - count + 1)), to: dayOf(now) };
}

/** From the first moment of the first day to before the first of the day after the last. */
export function moments({ from, to }: Days): { since: string; until: string } {
  return { since: midnight(from).toISOString(), until: midnight(to, 1).toISOString() };
}

/** The day so many days later; earlier where `days` is negative. */
export function shifted(day: string, days: number): string {
  return dayOf(midnight(day, days));
}

/** How many days there are, both ends included, however long each is. */
export function lengthOf({ from, to }: Days): number {
  return Math.round((midnight(to, 1).getTime() - midnight(from).getTime()) / 86_400_000);
}
