// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { beforeEach, expect, it, vi } from "vitest";
import { attend, told } from "@/features/ticket/failures.ts";
import { ticketKeys } from "@/features/ticket/queries.ts";
import { ticket } from "./tickets-of-tests.ts";
import type { Cursor } from "./use-cursor.ts";
import { useSolveNext } from "./use-solve-next.ts";

const { command, solveBehind } = vi.hoisted(() => ({
  command: { run: (): void => undefined },
  solveBehind: vi.fn(),
}));
vi.mock("@/features/commands/use-command.ts", () => ({
  useCommand: ({ run }: typeof command) => {
    command.run = run;
  },
}));
vi.mock("@/features/ticket/send-over.ts", () => ({ solveBehind }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

const onOpen = vi.fn();
const cursor = { index: 0, go: () => undefined } as unknown as Cursor;
const rows = [ticket(1), ticket(2)];
const queryClient = new QueryClient();

/** Presses the key in a list with this ticket open; answers how to leave the list. */
async function solve(openId: string) {
  function List() {
    useSolveNext({ rows, cursor, openId, onOpen });
    return null;
  }
  const root = createRoot(document.createElement("div"));
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <List />
      </QueryClientProvider>,
    ),
  );
  command.run();
  return () => act(async () => root.unmount());
}

beforeEach(() => {
  onOpen.mockReset();
  solveBehind.mockReset().mockRejectedValue(new Error("refused"));
  for (const id of ["t1", "t2", "t9"]) attend(id)();
});

it("tells in every list that a ticket left behind was not solved, also at once", async () => {
  attend("t1");
  const leaveList = await solve("t1");
  expect(onOpen).toHaveBeenCalledWith("t2");
  await leaveList();
  await vi.waitFor(() => expect(told()).toMatchObject([{ id: "t1", number: ticket(1).number, what: "change" }]));
});

it("leaves that to the ticket if no other one is opened", async () => {
  attend("t2");
  await solve("t2");
  await vi.waitFor(() => expect(solveBehind).toHaveBeenCalled());
  await act(async () => undefined);
  expect([told(), onOpen.mock.calls]).toEqual([[], []]);
});

it("solves what is in no list by what is known of it, and nothing of which nothing is known", async () => {
  await solve("t9");
  expect(onOpen).not.toHaveBeenCalled();
  queryClient.setQueryData(ticketKeys.one("t9"), ticket(9));
  await solve("t9");
  expect(onOpen).toHaveBeenCalledWith("t1");
  await vi.waitFor(() => expect(told()).toMatchObject([{ id: "t9", number: ticket(9).number }]));
  expect(solveBehind).toHaveBeenCalledTimes(1);
});
