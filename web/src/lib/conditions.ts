/**
 * Conditions as the tickets service evaluates them (services/tickets/domain/conditions.py); tests/data/fields/cases.json
 * holds cases that both have to agree on.
 */
export type Condition =
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition }
  | ({ field: string } & Partial<Record<"is" | "contains" | Order, unknown>>);

type Order = "lt" | "lte" | "gt" | "gte";

/** A field that is not among them is empty. A moment is a Date. */
export type Values = ReadonlyMap<string, unknown>;

const ORDER: Record<Order, (a: number, b: number) => boolean> = {
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
};
const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Days begin where the reader is if `local`, as in lists of tickets, else in UTC, as in fields. */
export function holds(condition: Condition, values: Values, now: Date, local = false): boolean {
  if ("all" in condition) {
    return condition.all.every((one) => holds(one, values, now, local));
  }
  if ("any" in condition) {
    return condition.any.some((one) => holds(one, values, now, local));
  }
  if ("not" in condition) {
    return !holds(condition.not, values, now, local);
  }
  const has = values.get(condition.field);
  if (Array.isArray(condition.is)) {
    const wanted: unknown[] = condition.is;
    const held = listed(has);
    return wanted.length > 0 ? held.some((one) => wanted.includes(one)) : held.length === 0;
  }
  if (condition.contains !== undefined) {
    return folded(String(has ?? "")).includes(folded(String(condition.contains)));
  }
  return (Object.keys(ORDER) as Order[]).some((order) => {
    const limit = condition[order];
    return limit !== undefined && has != null && ORDER[order](Number(has), limitOf(limit, now, local));
  });
}

function listed(value: unknown): unknown[] {
  if (value == null || value === "") {
    return [];
  }
  return Array.isArray(value) ? value : [value];
}

/** Without case, nearly as Unicode folds it: `ß` is `ss`, and a sigma is a sigma wherever it stands. */
function folded(text: string): string {
  return text.toUpperCase().toLowerCase().replaceAll("ς", "σ");
}

/** A number, or the milliseconds of a moment: a day (its beginning), a time, or a distance from now. */
function limitOf(limit: unknown, now: Date, local: boolean): number {
  if (typeof limit !== "string") {
    return Number(limit);
  }
  const distance = /^([+-])(\d{1,6})([mhdw])$/.exec(limit);
  if (distance === null) {
    // A day alone is read as of UTC, a time without an offset as of here.
    return Date.parse(local && /^\d{4}-\d\d-\d\d$/.test(limit) ? `${limit}T00:00` : limit);
  }
  const [, sign, count, unit = ""] = distance;
  return now.getTime() + (sign === "-" ? -1 : 1) * Number(count) * (UNIT_MS[unit] ?? Number.NaN);
}
