import type { InfiniteData } from "@tanstack/react-query";
import type { Sla, TicketPage, TicketRow } from "@/lib/api/types.ts";
import type { LiveTicket, TicketFrame } from "./frames.ts";

export const NO_SLA: Sla = { next_due_at: null, state: null, metric: null };

/** What one batch of events says in the end about each ticket. */
export interface Digest {
  tickets: Map<string, LiveTicket>;
  slas: Map<string, Sla>;
}

/** Folds a batch, oldest first; of two states of one ticket the newer version stays, in whatever order they came. */
export function digest(events: readonly TicketFrame[]): Digest {
  const tickets = new Map<string, LiveTicket>();
  const slas = new Map<string, Sla>();
  for (const event of events) {
    if (event.type === "ticket.sla") {
      slas.set(event.ticket_id, event.sla);
    } else if (!isStale(event.ticket, tickets.get(event.ticket.id))) {
      tickets.set(event.ticket.id, event.ticket);
    }
  }
  return { tickets, slas };
}

/** Whether `incoming` is older than what is known. The version moves with edits, `updated_at` also with messages. */
export function isStale(incoming: LiveTicket, known: LiveTicket | undefined): boolean {
  if (known === undefined) {
    return false;
  }
  return incoming.version === known.version ? incoming.updated_at < known.updated_at : incoming.version < known.version;
}

export interface ListRules {
  matches: (ticket: LiveTicket) => boolean;
  /** Negative when `a` stands above `b`. */
  compare: (a: LiveTicket, b: LiveTicket) => number;
}

type Pages = InfiniteData<TicketPage, string | null>;

/**
 * A list after a batch: rows that changed are replaced in place, rows that no longer match leave, new ones that belong
 * into the loaded part come in. Returns the same object when nothing in it changed.
 */
export function applyToList(data: Pages, batch: Digest, rules: ListRules): Pages {
  const seen = new Set<string>();
  let changed = false;
  const pages = data.pages.map((page) => {
    const items = updatedRows(page.items, batch, rules, seen);
    changed ||= items !== page.items;
    return items === page.items ? page : { ...page, items };
  });
  for (const ticket of batch.tickets.values()) {
    if (!seen.has(ticket.id) && rules.matches(ticket)) {
      changed = insert(pages, { ...ticket, sla: batch.slas.get(ticket.id) ?? NO_SLA }, rules) || changed;
    }
  }
  return changed ? { ...data, pages } : data;
}

function updatedRows(rows: TicketRow[], batch: Digest, rules: ListRules, seen: Set<string>): TicketRow[] {
  let changed = false;
  const kept: TicketRow[] = [];
  for (const row of rows) {
    const next = merge(row, batch);
    const touched = batch.tickets.has(row.id);
    if (touched) {
      seen.add(row.id);
    }
    if (touched && !rules.matches(next)) {
      changed = true;
      continue;
    }
    changed ||= next !== row;
    kept.push(next);
  }
  return changed ? kept : rows;
}

/** A row with what the batch knows better. The same object when that is nothing. */
export function merge<T extends TicketRow>(row: T, batch: Digest): T {
  const ticket = batch.tickets.get(row.id);
  const sla = batch.slas.get(row.id);
  if (ticket !== undefined && !isStale(ticket, row)) {
    return { ...row, ...ticket, sla: sla ?? row.sla };
  }
  return sla === undefined ? row : { ...row, sla };
}

function insert(pages: TicketPage[], row: TicketRow, rules: ListRules): boolean {
  for (const [index, page] of pages.entries()) {
    const at = page.items.findIndex((other) => rules.compare(row, other) < 0);
    const isLast = index === pages.length - 1;
    if (at >= 0) {
      pages[index] = { ...page, items: page.items.toSpliced(at, 0, row) };
      return true;
    }
    if (isLast && page.next_cursor == null) {
      pages[index] = { ...page, items: [...page.items, row] };
      return true;
    }
  }
  // Below everything loaded: the next page will bring it.
  return false;
}
