// @vitest-environment jsdom
import { onlineManager, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, expect, it, vi } from "vitest";
import { queryClient } from "@/app/query-client.ts";
import type { Macro, Ticket } from "@/lib/api/types.ts";
import { TicketDraft } from "./ticket-draft.ts";
import { useMacro } from "./use-macro.ts";

vi.mock("@/lib/api/client.ts", async () => {
  const { ApiError } = await import("@/lib/api/problem.ts");
  const POST = async () => {
    throw new ApiError(500, {});
  };
  return { answer: (sent: unknown) => sent, tickets: { POST }, routing: {} };
});
vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

afterEach(() => onlineManager.setOnline(true));

it("a macro without a network fails, and leaves the field to its writer", async () => {
  const draft = new TicketDraft("asha", "t1", { read: vi.fn(), keep: vi.fn(), forget: vi.fn() });
  let macro: ReturnType<typeof useMacro> | undefined;
  function Page() {
    macro = useMacro({ id: "t1", version: 1 } as Ticket, draft);
    return null;
  }
  const root = createRoot(document.createElement("div"));
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <Page />
      </QueryClientProvider>,
    ),
  );
  onlineManager.setOnline(false);
  await act(async () => macro?.mutate({ id: "m1" } as Macro));
  await vi.waitFor(() => expect(draft.state().busy).toBeNull());
  await act(async () => undefined);
  expect(macro?.isError).toBe(true);
});
