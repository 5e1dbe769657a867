// @vitest-environment jsdom
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { beforeEach, expect, it } from "vitest";
import { type List, withWindow } from "./rows.ts";
import { ticket } from "./tickets-of-tests.ts";
import { type Selection, useSelection } from "./use-selection.ts";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const ITEMS = [9, 8, 7, 6, 5, 4].map((number) => ticket(number));
const LIST = withWindow(
  undefined,
  { offset: 0, limit: 6, items: ITEMS, total: { count: 6, exactness: "exact" }, next: null, corrected: [] },
  true,
);
/** A list of which only the first and the last row were looked at. */
const FLOWN_OVER = { ...LIST, rows: LIST.rows.map((row, place) => (place % 5 === 0 ? row : undefined)) };
let selection: Selection;

function Held({ list = LIST, load = async () => LIST.rows }: { list?: List; load?: () => Promise<List["rows"]> }) {
  selection = useSelection(list, load);
  return null;
}

const hold = (held?: Parameters<typeof Held>[0]) =>
  act(() => createRoot(document.createElement("div")).render(createElement(Held, held)));

const chosen = () => ITEMS.flatMap(({ id, number }) => (selection.has(id) ? number : []));

beforeEach(() => hold());

it("takes what is between two rows", () => {
  act(() => selection.toggle(1));
  act(() => selection.extend(3));
  expect(chosen()).toEqual([8, 7, 6]);
});

it("adds nothing, and tells, where the row that was ticked last is too far away to be known still", () => {
  let list: List = LIST;
  const root = createRoot(document.createElement("div"));
  const draw = () => act(() => root.render(createElement(Held, { list })));
  draw();
  act(() => selection.toggle(1));
  list = { ...LIST, rows: LIST.rows.map((row, place) => (place < 3 ? undefined : row)) };
  draw();
  act(() => selection.extend(4));
  expect([chosen(), selection.isShort]).toEqual([[8], true]);
  // Back there, the range still begins at it.
  list = LIST;
  draw();
  act(() => selection.extend(3));
  expect([chosen(), selection.isShort]).toEqual([[8, 7, 6], false]);
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

it("fetches the rows of a range that were flown over, and has all of them or none", async () => {
  hold({ list: FLOWN_OVER });
  act(() => selection.toggle(0));
  await act(async () => selection.extend(5));
  expect([chosen(), selection.isShort]).toEqual([[9, 8, 7, 6, 5, 4], false]);
});

it.each<[string, () => Promise<List["rows"]>]>([
  ["the server is away", () => Promise.reject(new TypeError("Failed to fetch"))],
  ["rows are still missing", async () => FLOWN_OVER.rows],
])("ticks none of a range that cannot be had, and tells: %s", async (_, load) => {
  hold({ list: FLOWN_OVER, load });
  act(() => selection.toggle(0));
  await act(async () => selection.extend(5));
  expect([chosen(), selection.isShort]).toEqual([[9], true]);
  act(() => selection.toggle(5));
  expect([chosen(), selection.isShort]).toEqual([[9, 4], false]);
});

it("follows the tickets at the ends of a range when rows come in while it is fetched", async () => {
  hold({ list: FLOWN_OVER, load: async () => [ticket(10), ...LIST.rows] });
  act(() => selection.toggle(0));
  await act(async () => selection.extend(5));
  expect(selection.ids).toEqual(ITEMS.map(({ id }) => id));
});

it("forgets a range that is fetched when all is cleared", async () => {
  hold({ list: FLOWN_OVER });
  act(() => selection.toggle(0));
  await act(async () => {
    selection.extend(5);
    selection.clear();
  });
  expect([chosen(), selection.isShort]).toEqual([[], false]);
});
