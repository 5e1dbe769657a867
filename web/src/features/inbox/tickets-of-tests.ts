import type { LiveTicket, TicketFrame } from "@/features/live/frames.ts";
import type { Session, TicketRow } from "@/lib/api/types.ts";

/** Whoever looks, in tests. */
export const session: Session = {
  account_id: "0198c0de-0000-7000-8000-000000000001",
  name: "Asha",
  email: "asha@example.org",
  role: "agent",
  groups: [],
  languages: [],
};

/** A ticket of tests; the higher its number, the newer it is. */
export function ticket(number: number, fields: Partial<TicketRow> = {}): TicketRow {
  const at = new Date(Date.UTC(2026, 0, 1) + number * 1000).toISOString();
  return {
    id: `t${number}`,
    number,
    subject: `Ticket ${number}`,
    status: "new",
    status_key: fields.status ?? "new",
    status_labels: { en: "New" },
    type_key: fields.type ?? "question",
    type_labels: { en: "Question" },
    priority: "normal",
    type: "question",
    channel: "email",
    language: "en",
    requester: { customer_id: "c", name: "Tom" },
    assignee: null,
    group: null,
    tags: [],
    created_at: at,
    updated_at: at,
    version: 1,
    sla: { next_due_at: null, state: null, metric: null },
    review: null,
    last_message_at: at,
    ...fields,
  };
}

/** The frame that tells of a ticket as it is. */
export function frameOf(row: TicketRow, seq = 1): TicketFrame {
  const { sla: _, review, status_key, status_labels: _status, type_key, type_labels: _type, ...rest } = row;
  const live: LiveTicket = {
    ...rest,
    review: review?.reason ?? null,
    status_key: status_key === row.status ? null : status_key,
    type_key: type_key === row.type ? null : type_key,
  };
  return { seq, type: "ticket.upserted", ticket: live };
}
