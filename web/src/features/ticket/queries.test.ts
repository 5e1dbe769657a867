// @vitest-environment jsdom
import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Agent, Message } from "@/lib/api/types.ts";
import { assignable, messagesQuery, untilDelivered } from "./queries.ts";

const server = vi.hoisted(() => ({
  messages: [] as { id: string; delivery_state: string | null }[],
  merged: [] as object[],
  asked: [] as (string | undefined)[],
}));
vi.mock("@/lib/api/client.ts", () => {
  /** As the server pages: the cursor is the last message that was read, and leads to nothing once that is gone. */
  const GET = async (_: string, { params }: { params: { query: { limit: number; cursor?: string } } }) => {
    const { limit, cursor } = params.query;
    server.asked.push(cursor);
    const after = server.messages.findIndex(({ id }) => id === cursor);
    const begin = cursor === undefined ? 0 : after < 0 ? server.messages.length : after + 1;
    const items = server.messages.slice(begin, begin + limit);
    const next_cursor = begin + limit < server.messages.length ? items.at(-1)?.id : null;
    return { items, next_cursor, merged: server.merged, thread_version: server.messages.length };
  };
  return { answer: (sent: unknown) => sent, tickets: { GET }, routing: {} };
});

const NOW = Date.parse("2026-01-01T12:00:00Z");

function thread(delivery_state: string | null, added_at: string) {
  const message: Message = {
    id: "m",
    kind: "reply",
    author: { kind: "agent", id: "a", name: "Asha" },
    text: "Dear Tom",
    html: null,
    text_truncated: false,
    channel: "email",
    attachments: [],
    mentions: [],
    cc: [],
    quoted: false,
    ticket_id: "t",
    added_at,
    first_reply: true,
    delivery_state,
    delivery_detail: null,
  };
  return { items: [message], thread_version: 1 };
}

describe("looking again at a thread", () => {
  it("is eager while a reply has just left, patient when it takes long, and ends with its delivery", () => {
    expect(untilDelivered(thread("queued", "2026-01-01T11:59:30Z"), NOW)).toBe(2000);
    expect(untilDelivered(thread("queued", "2026-01-01T11:00:00Z"), NOW)).toBe(30000);
    expect(untilDelivered(thread("delivered", "2026-01-01T11:59:30Z"), NOW)).toBe(false);
    expect(untilDelivered(thread(null, "2026-01-01T11:59:30Z"), NOW)).toBe(false);
    expect(untilDelivered(undefined, NOW)).toBe(false);
  });
});

it("a ticket is given only to those who are not switched off", () => {
  const agents = [
    { id: "a", active: true },
    { id: "b", active: false },
  ] as Agent[];
  expect(assignable(agents).map(({ id }) => id)).toEqual(["a"]);
});

describe("a long thread", () => {
  const message = (id: string) => ({ id, delivery_state: null as string | null });
  let queryClient: QueryClient;
  /** Reads the thread as after a frame; tells which pages were asked for. */
  const read = async () => {
    server.asked = [];
    const thread = await queryClient.fetchQuery({ ...messagesQuery("t"), staleTime: 0 });
    expect(thread.items.map(({ id }) => id)).toEqual(server.messages.map(({ id }) => id));
    return server.asked;
  };

  beforeEach(async () => {
    vi.useFakeTimers();
    queryClient = new QueryClient();
    server.merged = [];
    server.messages = Array.from({ length: 450 }, (_, at) => message(`m${at}`));
    expect(await read()).toEqual([undefined, "m199", "m399"]);
  });
  afterEach(() => vi.useRealTimers());

  it("is asked for what came at its end only, page by page as it grows", async () => {
    server.messages.push(message("new"));
    expect(await read()).toEqual(["m399"]);
    server.messages.push(...Array.from({ length: 160 }, (_, at) => message(`n${at}`)));
    expect(await read()).toEqual(["m399", "n148"]);
    expect(await read()).toEqual(["n148"]);
  });

  it("is read whole once a minute: earlier messages change where they are", async () => {
    vi.advanceTimersByTime(40_000);
    expect(await read()).toEqual(["m399"]);
    vi.advanceTimersByTime(21_000);
    expect(await read()).toEqual([undefined, "m199", "m399"]);
  });

  it("is read whole while an earlier reply is on its way", async () => {
    server.messages[10] = { id: "m10", delivery_state: "queued" };
    vi.advanceTimersByTime(61_000);
    await read();
    server.messages[10] = { id: "m10", delivery_state: "delivered" };
    expect(await read()).toEqual([undefined, "m199", "m399"]);
    expect(queryClient.getQueryData(messagesQuery("t").queryKey)?.items[10]?.delivery_state).toBe("delivered");
    expect(await read()).toEqual(["m399"]);
  });

  it("is read whole where its end does not tell all: with what is merged, or gone", async () => {
    server.merged = [{}];
    server.messages.splice(5, 0, message("of another"));
    expect(await read()).toEqual(["m399", undefined, "m198", "m398"]);
    expect(await read()).toEqual([undefined, "m198", "m398"]);
    server.merged = [];
    server.messages.splice(5, 1);
    expect(await read()).toEqual([undefined, "m199", "m399"]);
    server.messages.splice(399, 1);
    expect(await read()).toEqual(["m399", undefined, "m199", "m400"]);
  });
});
