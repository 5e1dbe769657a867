// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import type { Agent, Message } from "@/lib/api/types.ts";
import { assignable, untilDelivered } from "./queries.ts";

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
