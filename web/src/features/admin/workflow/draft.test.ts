import { describe, expect, it } from "vitest";
import type { Lifecycle } from "@/lib/api/types.ts";
import { losses, moved, replaced } from "./draft.ts";

const status = (key: string, category = key, active = true) => ({ key, category, labels: { en: key }, active });
const lifecycle = (...statuses: object[]) => ({ statuses, types: [] }) as unknown as Lifecycle;

describe("what a change of the lifecycle takes away", () => {
  const before = lifecycle(status("open"), status("parts", "on_hold"), status("old", "open", false));

  it("is nothing when entries come, are renamed or change places", () => {
    const after = lifecycle(status("parts", "on_hold"), status("open"), status("new"), status("old", "open", false));
    expect(losses(before, after)).toEqual([]);
  });

  it.each([
    ["gone", lifecycle(status("open"), status("old", "open", false))],
    ["moved", lifecycle(status("open"), status("parts", "pending"), status("old", "open", false))],
    ["retired", lifecycle(status("open"), status("parts", "on_hold", false), status("old", "open", false))],
  ])("%s", (how, after) => {
    expect(losses(before, after).map((loss) => [loss.entry.key, loss.how])).toEqual([["parts", how]]);
  });
});

it("an entry changes places with its neighbour, and stays at the ends", () => {
  expect(moved(["a", "b", "c"], 1, -1)).toEqual(["b", "a", "c"]);
  expect(moved(["a", "b"], 1, 1)).toEqual(["a", "b"]);
  expect(moved(["a", "b"], 0, -1)).toEqual(["a", "b"]);
});

it("an entry takes the place of the one of its key, wherever that is now, or the last", () => {
  const [open, parts] = [status("open"), status("parts")];
  const renamed = { ...parts, labels: { en: "Spares" } };
  expect(replaced([parts, open], renamed)).toEqual([renamed, open]);
  expect(replaced([open, parts], renamed)).toEqual([open, renamed]);
  expect(replaced([open], renamed)).toEqual([open, renamed]);
});
