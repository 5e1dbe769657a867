// @vitest-environment jsdom
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { beforeEach, expect, it } from "vitest";
import { withWindow } from "./rows.ts";
import { ticket } from "./tickets-of-tests.ts";
import { type Selection, useSelection } from "./use-selection.ts";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const ITEMS = [9, 8, 7, 6, 5, 4].map((number) => ticket(number));
const LIST = withWindow(
  undefined,
  { offset: 0, limit: 6, items: ITEMS, total: { count: 6, exactness: "exact" }, next: null, corrected: [] },
  true,
);
let selection: Selection;

function Held() {
  selection = useSelection(LIST);
  return null;
}

const chosen = () => ITEMS.flatMap(({ id, number }) => (selection.has(id) ? number : []));

beforeEach(() => act(() => createRoot(document.createElement("div")).render(createElement(Held))));

it("takes what is between two rows", () => {
  act(() => selection.toggle(1));
  act(() => selection.extend(3));
  expect(chosen()).toEqual([8, 7, 6]);
});

it("begins anew once it was cleared", () => {
  act(() => selection.toggle(0));
  act(() => selection.clear());
  act(() => selection.extend(4));
  expect(chosen()).toEqual([5]);
});

it("goes on from where the cursor is, not from what was ticked elsewhere", () => {
  act(() => selection.toggle(0));
  act(() => selection.extend(4, 3));
  expect(chosen()).toEqual([9, 6, 5]);
});

it("selects nothing, not that row alone, once one of all is unticked", () => {
  act(() => selection.toggle(0));
  act(() => selection.all());
  act(() => selection.toggle(2));
  expect([selection.isAll, selection.count, chosen()]).toEqual([false, 0, []]);
});

it("still has all when some of them are added", () => {
  act(() => selection.all());
  act(() => selection.extend(3, 2));
  expect([selection.isAll, selection.count]).toEqual([true, 6]);
});
