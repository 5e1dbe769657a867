// @vitest-environment jsdom
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { digest } from "@/features/live/apply.ts";
import type { TicketRow } from "@/lib/api/types.ts";
import { applyLists, listQuery } from "./list-query.ts";
import type { Source } from "./source.ts";
import { frameOf, session, ticket } from "./tickets-of-tests.ts";

const REVIEW: Source = { kind: "standard", view: "review", sort: "-created_at" };
const held = (number: number) => ticket(number, { review: { ticket_id: "other", reason: "sender_takes_no_part" } });
let onServer: TicketRow[];
let asked: number;
let client: QueryClient;
let leave: () => void;

/** Tells of tickets as they are now, and gives the desk some time. */
async function after(milliseconds: number, ...rows: TicketRow[]): Promise<void> {
  if (rows.length > 0) {
    applyLists(client, digest(rows.map((row) => frameOf(row))), session);
  }
  await vi.advanceTimersByTimeAsync(milliseconds);
}
const numbers = () => client.getQueryData(listQuery(REVIEW).queryKey)?.rows.map((row) => row?.number);

beforeEach(async () => {
  vi.useFakeTimers();
  onServer = [held(3), held(2), held(1)];
  asked = 0;
  vi.stubGlobal("fetch", async () => {
    asked += 1;
    return Response.json({ items: onServer, total: { count: onServer.length, exactness: "exact" } });
  });
  client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  leave = new QueryObserver(client, listQuery(REVIEW)).subscribe(() => undefined);
  await after(10);
});

afterEach(async () => {
  await after(10_000);
  leave();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("loses what somebody decided about, which is asked for once for all that was decided in some seconds", async () => {
  expect([numbers(), asked]).toEqual([[3, 2, 1], 1]);
  onServer = [held(2)];
  await after(1_000, ticket(3, { version: 2 }));
  await after(1_000, ticket(1, { version: 2, status: "closed" }));
  expect(asked).toBe(1);
  await after(6_000);
  expect([numbers(), asked]).toEqual([[2], 2]);
  onServer = [];
  await after(10_000, ticket(2, { version: 2 }));
  expect([numbers(), asked]).toEqual([[], 3]);
});

it("takes in what is held from now on", async () => {
  onServer = [held(4), ...onServer];
  await after(10_000, held(4));
  expect(numbers()).toEqual([4, 3, 2, 1]);
});

it("is not asked for when something else changes", async () => {
  await after(10_000, ticket(9));
  expect([numbers(), asked]).toEqual([[3, 2, 1], 1]);
});
