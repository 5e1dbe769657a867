import type { InfiniteData } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { listRules } from "@/features/inbox/views.ts";
import type { Session, TicketPage, TicketRow } from "@/lib/api/types.ts";
import { applyToList, digest, isStale, merge, NO_SLA } from "./apply.ts";
import type { LiveTicket, TicketFrame } from "./frames.ts";

const session: Session = {
  account_id: "me",
  name: "Asha",
  email: "asha@example.org",
  role: "agent",
  groups: [],
  languages: [],
};
const unassigned = listRules("unassigned", session);

function ticket(number: number, fields: Partial<TicketRow> = {}): TicketRow {
  const at = `2026-01-01T00:00:${String(number).padStart(2, "0")}Z`;
  return {
    id: `t${number}`,
    number,
    subject: `Ticket ${number}`,
    status: "new",
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
    sla: NO_SLA,
    last_message_at: at,
    ...fields,
  };
}

function upsert(row: TicketRow, seq = 1): TicketFrame {
  const { sla: _, ...rest } = row;
  return { seq, type: "ticket.upserted", ticket: rest satisfies LiveTicket };
}

function list(rows: TicketRow[], next: string | null = null): InfiniteData<TicketPage, string | null> {
  return { pages: [{ items: rows, next_cursor: next }], pageParams: [null] };
}

const numbers = (data: InfiniteData<TicketPage, string | null>) =>
  data.pages.flatMap((page) => page.items.map((row) => row.number));

describe("a list after live events", () => {
  it("takes a new ticket in where it belongs", () => {
    const data = applyToList(list([ticket(5), ticket(3)]), digest([upsert(ticket(4)), upsert(ticket(6))]), unassigned);
    expect(numbers(data)).toEqual([6, 5, 4, 3]);
  });

  it("lets a ticket go that was assigned or answered", () => {
    const assigned = ticket(5, { version: 2, assignee: { id: "me", name: "Asha" } });
    const answered = ticket(3, { version: 2, status: "pending" });
    const data = applyToList(
      list([ticket(5), ticket(4), ticket(3)]),
      digest([upsert(assigned), upsert(answered)]),
      unassigned,
    );
    expect(numbers(data)).toEqual([4]);
  });

  it("never goes back to an older version, in whatever order events come", () => {
    const newer = ticket(5, { version: 3, subject: "new" });
    const older = ticket(5, { version: 2, subject: "old", assignee: { id: "x", name: "X" } });
    const both = applyToList(list([ticket(5)]), digest([upsert(newer), upsert(older)]), unassigned);
    expect(both.pages[0]?.items[0]?.subject).toBe("new");
    const later = applyToList(both, digest([upsert(older)]), unassigned);
    expect(later.pages[0]?.items[0]?.subject).toBe("new");
  });

  it("leaves what is below the loaded pages to the next page", () => {
    const data = list([ticket(9), ticket(8)], "cursor");
    expect(applyToList(data, digest([upsert(ticket(2))]), unassigned)).toBe(data);
  });

  it("is the very same object when nothing in it changed, so that nothing is drawn again", () => {
    const data = list([ticket(9)]);
    const elsewhere = ticket(8, { assignee: { id: "x", name: "X" } });
    expect(applyToList(data, digest([upsert(elsewhere)]), unassigned)).toBe(data);
  });

  it("keeps the clock of a row whose ticket changed, and takes a new clock without the ticket", () => {
    const sla = { next_due_at: "2026-01-01T01:00:00Z", state: "running", metric: "first_response" } as const;
    const known = ticket(5, { sla });
    expect(merge(known, digest([upsert(ticket(5, { version: 2 }))])).sla).toBe(sla);
    const met = { next_due_at: null, state: "met", metric: "first_response" } as const;
    expect(merge(known, digest([{ seq: 2, type: "ticket.sla", ticket_id: "t5", sla: met }])).sla).toBe(met);
  });

  it("tells of one version the one with the later message", () => {
    const early = ticket(5);
    const late = { ...early, updated_at: "2026-01-02T00:00:00Z" };
    expect(isStale(early, late)).toBe(true);
    expect(isStale(late, early)).toBe(false);
  });
});
