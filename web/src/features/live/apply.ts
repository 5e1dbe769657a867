import type { Sla, TicketRow } from "@/lib/api/types.ts";
import type { LiveTicket, TicketFrame } from "./frames.ts";

const NO_SLA: Sla = { next_due_at: null, state: null, metric: null };

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

/** How old what is known of a ticket is. */
export type Known = Pick<LiveTicket, "version" | "updated_at">;

/** Whether `incoming` is older than what is known. The version moves with edits, `updated_at` also with messages. */
export function isStale(incoming: Known, known: Known | undefined): boolean {
  if (known === undefined) {
    return false;
  }
  return incoming.version === known.version ? incoming.updated_at < known.updated_at : incoming.version < known.version;
}

/** A row with what the batch knows better. The same object when that is nothing. */
export function merge<T extends TicketRow>(row: T, batch: Digest): T {
  const ticket = batch.tickets.get(row.id);
  const sla = batch.slas.get(row.id);
  if (ticket !== undefined && !isStale(ticket, row)) {
    return { ...row, ...ticket, ...named(ticket, row), sla: sla ?? row.sla };
  }
  return sla === undefined ? row : { ...row, sla };
}

/** A row of a ticket that only a frame told of. */
export function asRow(ticket: LiveTicket, sla: Sla = NO_SLA): TicketRow {
  return { ...ticket, ...named(ticket), sla };
}

type Named = Pick<TicketRow, "review" | "status_key" | "status_labels" | "type_key" | "type_labels">;

/**
 * A ticket's status and type, with their names if the row had them; without names the category is shown. What a row is
 * held for stays until it is not: a frame does not tell which ticket it may belong to.
 */
function named(ticket: LiveTicket, row?: TicketRow): Named {
  const status_key = ticket.status_key ?? ticket.status;
  const type_key = ticket.type_key ?? ticket.type;
  return {
    review: ticket.review === null ? null : (row?.review ?? null),
    status_key,
    status_labels: row?.status_key === status_key ? row.status_labels : {},
    type_key,
    type_labels: row?.type_key === type_key ? row.type_labels : {},
  };
}
