import { expect, it } from "vitest";
import type { FieldOption } from "@/lib/api/types.ts";
import { changedAt, editedAt, keyFrom, NEW_OPTION } from "./options-tree.ts";

const option = (value: string, ...options: FieldOption[]): FieldOption => ({ value, labels: { en: value }, options });
const tree = [option("hardware", option("printer"), option("phone")), option("software")];

it("an option is changed where it stands, and nothing else", () => {
  const after = editedAt(tree, [0, 1], { value: "mobile" });
  expect(after).toEqual([option("hardware", option("printer"), { ...option("phone"), value: "mobile" }), tree[1]]);
  expect(after[1]).toBe(tree[1]);
});

it("options come and go below others", () => {
  const more = editedAt(tree, [0, 0], { options: [NEW_OPTION] });
  expect(more[0]?.options[0]?.options).toEqual([NEW_OPTION]);
  const without = (list: readonly FieldOption[], place: number) => list.filter((_, nth) => nth !== place);
  expect(changedAt(tree, [0, 0], without)[0]?.options).toEqual([option("phone")]);
  expect(changedAt(tree, [1], without)).toEqual([tree[0]]);
});

it.each([
  ["Laser printer", "laser_printer"],
  ["Gerät (groß)", "gerat_gro"],
  ["টিকিট", ""],
])("%s gives the key %j", (name, key) => {
  expect(keyFrom(name)).toBe(key);
});
