import { describe, expect, it } from "vitest";
import { frameOf, ticket } from "@/features/inbox/tickets-of-tests.ts";
import { digest, isStale, merge } from "./apply.ts";

describe("a row after live events", () => {
  it("never goes back to an older version, in whatever order events come", () => {
    const newer = ticket(5, { version: 3, subject: "new" });
    const older = ticket(5, { version: 2, subject: "old", assignee: { id: "x", name: "X" } });
    const both = merge(ticket(5), digest([frameOf(newer), frameOf(older)]));
    expect(both.subject).toBe("new");
    expect(merge(both, digest([frameOf(older)]))).toBe(both);
  });

  it("keeps the clock of a row whose ticket changed, and takes a new clock without the ticket", () => {
    const sla = { next_due_at: "2026-01-01T01:00:00Z", state: "running", metric: "first_response" } as const;
    const known = ticket(5, { sla });
    expect(merge(known, digest([frameOf(ticket(5, { version: 2 }))])).sla).toBe(sla);
    const met = { next_due_at: null, state: "met", metric: "first_response" } as const;
    expect(merge(known, digest([{ seq: 2, type: "ticket.sla", ticket_id: "t5", sla: met }])).sla).toBe(met);
  });

  it("keeps the names of a status that stays, and drops those of one that went", () => {
    const vendor = { status: "on_hold", status_key: "vendor", status_labels: { en: "With the vendor" } } as const;
    const known = ticket(5, vendor);
    expect(merge(known, digest([frameOf(ticket(5, { ...vendor, version: 2 }))])).status_labels).toBe(
      vendor.status_labels,
    );
    const first = merge(known, digest([frameOf(ticket(5, { status: "on_hold", status_key: "on_hold", version: 2 }))]));
    expect([first.status_key, first.status_labels]).toEqual(["on_hold", {}]);
  });

  it("does so with types", () => {
    const refund = { type: "billing", type_key: "refund", type_labels: { en: "Refund" } } as const;
    const known = ticket(5, refund);
    expect(merge(known, digest([frameOf(ticket(5, { ...refund, version: 2 }))])).type_labels).toBe(refund.type_labels);
    const first = merge(known, digest([frameOf(ticket(5, { type: "billing", type_key: "billing", version: 2 }))]));
    expect([first.type_key, first.type_labels]).toEqual(["billing", {}]);
  });

  it("is held for the review it was held for until it is not, of which a frame says why alone", () => {
    const review = { ticket_id: "t4", reason: "sender_takes_no_part" } as const;
    const known = ticket(5, { review });
    const held = digest([frameOf(ticket(5, { version: 2, review }))]);
    expect(merge(known, held).review).toBe(review);
    expect(merge(ticket(5), held).review).toBeNull();
    expect(merge(known, digest([frameOf(ticket(5, { version: 2 }))])).review).toBeNull();
  });

  it("tells of one version the one with the later message", () => {
    const early = ticket(5);
    const late = { ...early, updated_at: "2026-01-02T00:00:00Z" };
    expect(isStale(early, late)).toBe(true);
    expect(isStale(late, early)).toBe(false);
  });
});
