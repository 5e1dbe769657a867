// @vitest-environment jsdom
import { onlineManager, QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, expect, it, vi } from "vitest";
import type { Ticket } from "@/lib/api/types.ts";
import { ticketKeys } from "./queries.ts";
import { heldQuery, refusedQuery, sendOver, solveBehind } from "./send-over.ts";

const { PATCH, now } = vi.hoisted(() => ({
  PATCH: vi.fn(),
  now: { id: "t1", version: 7, status: "open", fields: { colour: "red", size: "XL" } },
}));
vi.mock("@/lib/api/client.ts", async () => {
  const { ApiError } = await import("@/lib/api/problem.ts");
  const answer = async (sent: Promise<{ status: number; body: object }>) => {
    const { status, body } = await sent;
    if (status >= 400) {
      throw new ApiError(status, body);
    }
    return body;
  };
  const GET = async () => ({ status: 200, body: now });
  return { answer, tickets: { PATCH, GET }, routing: {} };
});

const before = { id: "t1", version: 3, status: "open" } as unknown as Ticket;

function known(): QueryClient {
  const queryClient = new QueryClient();
  queryClient.setQueryData(ticketKeys.one("t1"), before);
  return queryClient;
}

afterEach(() => {
  PATCH.mockReset();
  onlineManager.setOnline(true);
});

it("holds the change of a ticket left behind that other fields are asked for with", async () => {
  const queryClient = known();
  const body = { type: "/problems/fields-missing", fields: ["group"] };
  PATCH.mockResolvedValue({ status: 422, body });
  await expect(solveBehind(queryClient, "t1")).rejects.toThrow();
  const held = queryClient.getQueryData(heldQuery("t1").queryKey);
  expect(held).toMatchObject({ patch: { status: "solved" }, fields: ["group"] });
});

it("forgets neither what waits nor what was refused, however long other tickets are open", async () => {
  vi.useFakeTimers();
  const queryClient = new QueryClient();
  for (const query of [heldQuery("t1"), refusedQuery("t1")]) {
    const leave = new QueryObserver(queryClient, query as never).subscribe(() => undefined);
    queryClient.setQueryData(query.queryKey, {} as never);
    leave();
    vi.advanceTimersByTime(24 * 3_600_000);
    expect(queryClient.getQueryData(query.queryKey)).toEqual({});
  }
  vi.useRealTimers();
});

it("says in the ticket, too, why it is not solved, until it is tried again", async () => {
  const queryClient = known();
  const refused = () => queryClient.getQueryData(refusedQuery("t1").queryKey);
  PATCH.mockResolvedValueOnce({ status: 403, body: {} });
  await expect(solveBehind(queryClient, "t1")).rejects.toThrow();
  expect(refused()).toMatchObject({ status: 403 });
  PATCH.mockResolvedValueOnce({ status: 200, body: { ...before, status: "solved" } });
  await solveBehind(queryClient, "t1");
  expect(refused()).toBeNull();
});

it("solves a ticket that moved meanwhile in what has nothing to do with it", async () => {
  const send = vi.fn(async () => ({ ...before, status: "solved" }) as Ticket);
  const { ApiError } = await import("@/lib/api/problem.ts");
  send.mockRejectedValueOnce(new ApiError(412, {}));
  await sendOver(known(), before, { send, shown: { status: "solved" }, before });
  expect(send.mock.calls).toEqual([[3], [7]]);
});

it("asks for a ticket that moved although no network is known of: nothing waits for one without a word", async () => {
  const { ApiError } = await import("@/lib/api/problem.ts");
  onlineManager.setOnline(false);
  const send = vi.fn(async () => before).mockRejectedValueOnce(new ApiError(412, {}));
  await expect(sendOver(known(), before, { send, shown: {}, before })).resolves.toBe(before);
  PATCH.mockRejectedValue(new TypeError("Failed to fetch"));
  await expect(solveBehind(new QueryClient(), "t1")).rejects.toThrow("Failed to fetch");
});

it("knows of the organisation's own fields which it changes: only those can collide", async () => {
  const { ApiError } = await import("@/lib/api/problem.ts");
  const seen = { ...before, fields: { colour: "red" } } as unknown as Ticket;
  const put = (name: string, value: string) => {
    const send = vi.fn(async () => seen).mockRejectedValueOnce(new ApiError(412, {}));
    const fields = { [name]: value };
    const shown = { fields: { ...seen.fields, ...fields } };
    return sendOver(known(), seen, { send, shown, before: seen, patch: { fields } });
  };
  await expect(put("colour", "blue")).resolves.toBe(seen);
  await expect(put("size", "S")).rejects.toThrow("changed meanwhile");
});
