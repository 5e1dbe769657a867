import { describe, expect, it } from "vitest";
import { digest } from "@/features/live/apply.ts";
import type { TicketRow } from "@/lib/api/types.ts";
import { type List, withEvents, withWindow } from "./rows.ts";
import { rulesOf } from "./rules.ts";
import type { Window } from "./source.ts";
import { frameOf, session, ticket } from "./tickets-of-tests.ts";
import { STANDARD } from "./views.ts";

const unassigned = rulesOf(STANDARD.unassigned.condition, "-created_at", session);
const elsewhere = { assignee: { id: session.account_id, name: "Asha" } };

function window(items: TicketRow[], offset = 0, count = offset + items.length): Window {
  return { offset, limit: items.length, items, total: { count, exactness: "exact" }, next: null, corrected: [] };
}

const list = (items: TicketRow[], count = items.length): List => withWindow(undefined, window(items, 0, count), true);
const numbers = ({ rows }: List) => rows.map((row) => row?.number ?? null);
const told = (known: List, ...rows: TicketRow[]) =>
  withEvents(known, digest(rows.map((row) => frameOf(row))), unassigned);

describe("a list after live events", () => {
  it("takes a new ticket in where it belongs", () => {
    const now = told(list([ticket(5), ticket(3)]), ticket(4), ticket(6));
    expect(numbers(now)).toEqual([6, 5, 4, 3]);
    expect(now.total.count).toBe(4);
  });

  it("lets a ticket go that was assigned or answered", () => {
    const known = list([ticket(5), ticket(4), ticket(3)]);
    const now = told(known, ticket(5, { version: 2, ...elsewhere }), ticket(3, { version: 2, status: "pending" }));
    expect(numbers(now)).toEqual([4]);
    expect(now.total.count).toBe(1);
  });

  it("does not take back in what left, by an event that is older than that", () => {
    const gone = told(list([ticket(5), ticket(4)]), ticket(5, { version: 3, ...elsewhere }));
    expect(numbers(told(gone, ticket(5, { version: 2 })))).toEqual([4]);
    expect(numbers(told(gone, ticket(5, { version: 4 })))).toEqual([5, 4]);
  });

  it("does not take in what was never in it, by an event that is older than one it saw", () => {
    const seen = told(list([ticket(4)]), ticket(6, { version: 3, ...elsewhere }));
    expect(numbers(told(seen, ticket(6, { version: 2 })))).toEqual([4]);
  });

  it("leaves alone what may be among rows that are not known", () => {
    const known = list([ticket(9), ticket(8)], 5);
    expect(told(known, ticket(2))).toBe(known);
  });

  it("counts a ticket once that was not read and comes to the top by a change", () => {
    const byChange = rulesOf(STANDARD.unassigned.condition, "-updated_at", session);
    const later = "2099-01-01T00:00:00Z";
    const known = list([ticket(9), ticket(8)], 5);
    const moved = frameOf(ticket(2, { version: 2, updated_at: later }));
    const now = withEvents(known, digest([moved]), byChange);
    expect(numbers(now)).toEqual([2, 9, 8, null, null]);
    expect(now.total.count).toBe(5);
    const isNew = frameOf(ticket(20, { updated_at: later }));
    expect(withEvents(known, digest([isNew]), byChange).total.count).toBe(6);
  });

  it("is the very same object when nothing in it changed, so that nothing is drawn again", () => {
    const known = told(list([ticket(9)]), ticket(8, elsewhere));
    expect(told(known, ticket(8, elsewhere))).toBe(known);
  });

  it("only changes rows in place where the server alone knows what belongs into it", () => {
    const known = list([ticket(9)]);
    expect(rulesOf({ field: "fields.cost", gt: 10 }, "-created_at", session)).toBeNull();
    const now = withEvents(
      known,
      digest([frameOf(ticket(9, { version: 2, status: "solved" })), frameOf(ticket(10))]),
      null,
    );
    expect(now.rows.map((row) => row?.status)).toEqual(["solved"]);
  });
});

describe("a list of which rows are fetched", () => {
  it("is as long as the server says, and knows what was looked at", () => {
    const known = list([ticket(9), ticket(8)], 6);
    expect(numbers(known)).toEqual([9, 8, null, null, null, null]);
    expect(numbers(withWindow(known, window([ticket(5), ticket(4)], 4, 6), false))).toEqual([9, 8, null, null, 5, 4]);
  });

  it("never shows a ticket twice that moved meanwhile", () => {
    const known = list([ticket(9), ticket(8)], 4);
    expect(numbers(withWindow(known, window([ticket(8), ticket(7)], 2, 4), false))).toEqual([9, null, 8, 7]);
  });

  it("keeps what an event told after the answer was made", () => {
    const known = told(list([ticket(9), ticket(8)]), ticket(9, { version: 3, subject: "newer" }));
    const refetched = withWindow(known, window([ticket(9, { version: 2 }), ticket(8)]), true);
    expect(refetched.rows[0]?.subject).toBe("newer");
    const gone = told(known, ticket(8, { version: 2, ...elsewhere }));
    expect(numbers(withWindow(gone, window([ticket(9), ticket(8)]), true))).toEqual([9]);
  });

  it("ends where the server has no more rows, whatever was counted", () => {
    const short = { ...window([ticket(5)], 4, 100), limit: 100 };
    expect(withWindow(list([ticket(9)], 100), short, false).rows).toHaveLength(5);
  });

  it("goes on by one row in a search, which knows no length", () => {
    const search = { ...window([ticket(9), ticket(8)]), next: "cursor" };
    expect(numbers(withWindow(undefined, search, true))).toEqual([9, 8, null]);
  });
});
