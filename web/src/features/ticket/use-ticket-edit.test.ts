import { MutationObserver, QueryClient } from "@tanstack/react-query";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "@/lib/api/problem.ts";
import type { Ticket } from "@/lib/api/types.ts";
import { attend, told } from "./failures.ts";
import { applyTicket, ticketKeys } from "./queries.ts";
import { type Edit, heldQuery, refusedQuery } from "./send-over.ts";
import { changing } from "./use-ticket-edit.ts";

vi.mock("@/lib/api/client.ts", () => ({ answer: vi.fn(), tickets: {}, routing: {} }));

const ticket = { id: "t1", number: 4, version: 1, updated_at: "1", subject: "A", tags: [] } as unknown as Ticket;

let queryClient: QueryClient;
const shown = () => queryClient.getQueryData<Ticket>(ticketKeys.one("t1"));

beforeEach(() => {
  queryClient = new QueryClient();
  queryClient.setQueryData(ticketKeys.one("t1"), ticket);
  attend("t1")();
});

/** Makes a change as the pane does, and answers it when asked to. */
function change(edit: Partial<Edit>) {
  let resolve: (saved: Ticket) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const answered = new Promise<Ticket>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  const send = vi.fn(() => answered);
  const observer = new MutationObserver(queryClient, changing(queryClient, ticket));
  const done = observer.mutate({ send, shown: {}, before: shown() ?? ticket, ...edit }).catch(() => undefined);
  return {
    send,
    accept: (saved: Partial<Ticket>) => {
      resolve({ ...ticket, ...saved });
      return done;
    },
    refuse: (status: number, problem = {}) => {
      reject(new ApiError(status, problem));
      return done;
    },
  };
}

describe("changes of a ticket", () => {
  it("that follow quickly stay: neither the answer to the first nor a frame of it takes the second back", async () => {
    const first = change({ shown: { tags: ["a"] } });
    const second = change({ shown: { tags: ["a", "b"] } });
    const saved = { version: 2, updated_at: "2", tags: ["a"] };
    applyTicket(queryClient, { tickets: new Map([["t1", { ...ticket, ...saved } as never]]), slas: new Map() });
    expect(shown()).toMatchObject({ version: 2, tags: ["a", "b"] });
    await first.accept(saved);
    expect(shown()).toMatchObject({ version: 2, tags: ["a", "b"] });
    await second.accept({ version: 3, updated_at: "3", tags: ["a", "b!"] });
    expect(shown()?.tags).toEqual(["a", "b!"]);
  });

  it("that a colleague's came after are asked for once answered: what is shown of them lies above that one", async () => {
    const isAsked = () => queryClient.getQueryState(ticketKeys.one("t1"))?.isInvalidated;
    const first = change({ shown: { subject: "mine" } });
    const second = change({ shown: { tags: ["mine"] } });
    const theirs = { ...ticket, version: 6, updated_at: "6", subject: "theirs", tags: ["theirs"] };
    applyTicket(queryClient, { tickets: new Map([["t1", theirs as never]]), slas: new Map() });
    await first.accept({ version: 5, updated_at: "5", subject: "mine" });
    expect(shown()).toMatchObject({ version: 6, subject: "mine", tags: ["mine"] });
    // Its own answer is the next to tell.
    expect(isAsked()).toBe(false);
    await second.accept({ version: 5, updated_at: "5", tags: ["mine"] });
    expect(isAsked()).toBe(true);
  });

  it("refused after the ticket was left are told where the list is, and in the ticket again", async () => {
    const leave = attend("t1");
    await change({ shown: { subject: "B" } }).refuse(403);
    expect(told()).toEqual([]);
    leave();
    await change({ shown: { subject: "B" } }).refuse(503);
    expect(told()).toMatchObject([{ id: "t1", number: 4, what: "change", error: { status: 503 } }]);
    expect(queryClient.getQueryData(refusedQuery("t1").queryKey)).toMatchObject({ status: 503 });
    expect(shown()?.subject).toBe("A");
    attend("t1");
    expect(told()).toEqual([]);
  });

  it("that wait for more wait on, with what was given, until they are accepted", async () => {
    const held = () => queryClient.getQueryData(heldQuery("t1").queryKey);
    const missing = { type: "/problems/fields-missing", fields: ["group"] };
    await change({ shown: { status: "solved" }, patch: { status: "solved" } }).refuse(422, missing);
    const patch = { status: "solved", group: "billing" } as const;
    await change({ shown: { status: "solved" }, patch, isHeld: true }).refuse(503);
    expect(held()).toMatchObject({ patch, fields: ["group"], shown: { status: "solved" } });
    await change({ shown: {}, patch: { priority: "low" } }).accept({});
    expect(held()).not.toBeNull();
    await change({ shown: { status: "solved" }, patch, isHeld: true }).accept({});
    expect(held()).toBeNull();
  });

  it("of what somebody has had in front of them are sent upon that, not upon what has come since", async () => {
    queryClient.setQueryData(ticketKeys.one("t1"), { ...ticket, version: 5, subject: "theirs" });
    const mine = change({ shown: { subject: "mine" }, before: ticket, isOfBefore: true });
    await mine.accept({});
    expect(mine.send).toHaveBeenCalledWith(1);
  });
});
