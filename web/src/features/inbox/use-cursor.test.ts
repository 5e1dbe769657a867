// @vitest-environment jsdom
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";
import { commands } from "@/features/commands/registry.ts";
import { ticket } from "./tickets-of-tests.ts";
import { type Cursor, useCursor } from "./use-cursor.ts";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

const ROWS = [9, 8, 7, 6].map((number) => ticket(number));
let cursor: Cursor;

function Held() {
  cursor = useCursor({ rows: ROWS, openId: null, onOpen: () => undefined });
  return null;
}

const press = (id: string) =>
  act(() =>
    commands
      .list()
      .find((command) => command.id === id)
      ?.run(),
  );

it("goes on from the row that was pressed, which is no move of its own", () => {
  act(() => createRoot(document.createElement("div")).render(createElement(Held)));
  act(() => cursor.stand(2, "t7"));
  expect([cursor.index, cursor.moves]).toEqual([2, 0]);
  press("next");
  expect([cursor.index, cursor.moves]).toEqual([3, 1]);
});
