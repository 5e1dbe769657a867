import { asRow, type Digest, isStale, type Known, merge } from "@/features/live/apply.ts";
import type { LiveTicket } from "@/features/live/frames.ts";
import type { Count } from "@/lib/api/types.ts";
import type { ListRules } from "./rules.ts";
import type { ListRow, Window } from "./source.ts";

/**
 * A list of any length, of which only the rows that were looked at are known.
 *
 * `others` are the newest states of tickets that do not belong into it: an older event of theirs must not bring them in.
 */
export interface List {
  rows: readonly (ListRow | undefined)[];
  total: Count;
  next: string | null;
  corrected: Window["corrected"];
  others: ReadonlyMap<string, Known>;
}

/** Rows farther than this from those that are read now are forgotten, and fetched again when they are looked at. */
export const KEPT_AROUND = 5_000;
const MOST_OTHERS = 10_000;

/**
 * The list with rows that the server sent; `anew`, these alone.
 *
 * What a live event told meanwhile stays: an answer may be older than that.
 */
export function withWindow(list: List | undefined, window: Window, anew: boolean): List {
  const known = new Map<string, ListRow>();
  for (const place of knownPlaces(list?.rows ?? [])) {
    const row = list?.rows[place];
    if (row) known.set(row.id, row);
  }
  const items = window.items.flatMap((row) => {
    const gone = list?.others.get(row.id);
    if (gone && isStale(row, gone)) {
      return [];
    }
    const mine = known.get(row.id);
    return [mine && isStale(row, mine) ? { ...mine, ...(row.found && { found: row.found }) } : row];
  });
  const end = window.offset + items.length;
  const isLast = window.items.length < window.limit && window.next === null;
  const counted = Math.max(end, window.total.count - (window.items.length - items.length));
  // An estimate differs each time; the list must not grow and shrink with it.
  const estimated =
    window.total.exactness === "about" && list !== undefined ? Math.max(end, list.rows.length) : counted;
  const rows: (ListRow | undefined)[] = new Array(isLast ? end : estimated + (window.next === null ? 0 : 1));
  rows.fill(undefined);
  if (!anew) {
    const ids = new Set(items.map((row) => row.id));
    const from = Math.max(0, window.offset - KEPT_AROUND);
    for (let place = from; place < Math.min(rows.length, end + KEPT_AROUND); place += 1) {
      const row = list?.rows[place];
      rows[place] = row && ids.has(row.id) ? undefined : row;
    }
  }
  rows.splice(window.offset, items.length, ...items);
  return {
    rows,
    total: window.total,
    next: window.next,
    corrected: anew ? window.corrected : (list?.corrected ?? []),
    others: list?.others ?? new Map(),
  };
}

/**
 * The list after a batch of events: rows that changed are replaced in place, those that no longer belong leave, new
 * ones come in where their neighbours are known. Without rules, rows only change. The same object when nothing did.
 */
export function withEvents(list: List, batch: Digest, rules: ListRules | null): List {
  const here = new Set<string>();
  const others = new Map(list.others);
  let rows = list.rows;
  const gone: number[] = [];
  for (const place of knownPlaces(list.rows)) {
    const row = list.rows[place];
    if (row === undefined || !(batch.tickets.has(row.id) || batch.slas.has(row.id))) {
      continue;
    }
    here.add(row.id);
    const next = merge(row, batch);
    if (rules !== null && batch.tickets.has(row.id) && !rules.matches(next)) {
      others.set(row.id, next);
      gone.push(place);
    } else if (next !== row) {
      rows = rows === list.rows ? list.rows.slice() : rows;
      (rows as (ListRow | undefined)[])[place] = next;
    }
  }
  for (const place of gone.reverse()) {
    rows = rows.toSpliced(place, 1);
  }
  let places = knownPlaces(rows);
  for (const ticket of batch.tickets.values()) {
    if (rules === null || here.has(ticket.id) || isStale(ticket, others.get(ticket.id))) {
      continue;
    }
    if (!rules.matches(ticket)) {
      others.set(ticket.id, ticket);
      continue;
    }
    others.delete(ticket.id);
    const place = placeOf(rows, places, ticket, rules);
    if (place !== null) {
      const hole = mayBeUnread(list, ticket, rules) ? rows.lastIndexOf(undefined) : -1;
      // It is one of those that were not read, most likely: it comes here from there, and the list is no longer.
      rows = hole < 0 ? rows : rows.toSpliced(hole, 1);
      rows = rows.toSpliced(hole < 0 || hole > place ? place : place - 1, 0, asRow(ticket, batch.slas.get(ticket.id)));
      places = knownPlaces(rows);
    }
  }
  if (rows === list.rows && others.size === list.others.size) {
    return list;
  }
  const count = list.total.count + rows.length - list.rows.length;
  const total = list.total.exactness === "exact" ? { ...list.total, count } : list.total;
  return { ...list, rows, total, others: new Map([...others].slice(-MOST_OTHERS)) };
}

/** Where rows are known, from the first: a few hundred of a hundred thousand. */
function knownPlaces(rows: List["rows"]): number[] {
  const places: number[] = [];
  // A plain loop: iterators take ten times as long for what happens in every frame.
  for (let place = 0; place < rows.length; place += 1) {
    if (rows[place] !== undefined) places.push(place);
  }
  return places;
}

/** Whether a ticket may be in the list already, where its rows are not known. */
function mayBeUnread(list: List, ticket: LiveTicket, rules: ListRules): boolean {
  return rules.isByChange && ticket.version > 1 && !list.others.has(ticket.id);
}

/** Where a ticket comes in; null where rows around are not known: there it may be one of them. */
function placeOf(rows: List["rows"], places: readonly number[], ticket: LiveTicket, rules: ListRules): number | null {
  for (const place of places) {
    const row = rows[place];
    if (row !== undefined && rules.compare(ticket, row) < 0) {
      return place === 0 || rows[place - 1] !== undefined ? place : null;
    }
  }
  return rows.length === 0 || rows.at(-1) !== undefined ? rows.length : null;
}
