// @vitest-environment jsdom
import { MutationObserver, QueryClient } from "@tanstack/react-query";
import { expect, it, vi } from "vitest";
import type { TicketRow } from "@/lib/api/types.ts";
import { told } from "./failures.ts";
import { TicketDraft } from "./ticket-draft.ts";
import { type Outgoing, sending } from "./use-send.ts";

vi.mock("@/lib/api/client.ts", async () => {
  const { ApiError } = await import("@/lib/api/problem.ts");
  const answer = async () => {
    throw new ApiError(409, { type: "/problems/stale-thread" });
  };
  return { answer, tickets: { POST: vi.fn() }, routing: {} };
});

it("a message refused after its ticket was left is told where the list is, and where one writes again", async () => {
  const draft = new TicketDraft("asha", "t1", { read: vi.fn(), keep: vi.fn(), forget: vi.fn() });
  draft.setBusy("sending");
  const ticket = { id: "t1", number: 4 } as TicketRow;
  const queryClient = new QueryClient();
  const outgoing = { kind: "reply", text: "Dear Tom", status: "solved" } as Outgoing;
  const page = new MutationObserver(queryClient, sending(queryClient, ticket, draft));
  const leave = page.subscribe(() => undefined);
  const sent = page.mutate(outgoing);
  leave();
  await expect(sent).rejects.toThrow();
  expect(draft.state()).toMatchObject({ busy: null, failed: { error: { status: 409 }, outgoing } });
  expect(told()).toMatchObject([{ id: "t1", number: 4, what: "message" }]);
});
