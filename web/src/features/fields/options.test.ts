import { expect, it } from "vitest";
import type { FieldOption } from "@/lib/api/types.ts";
import { flatOptions } from "./options.ts";

it("names each option of a tree from its root, as tickets hold it", () => {
  const tree: FieldOption[] = [
    {
      value: "hardware",
      labels: { en: "Hardware" },
      options: [{ value: "printer", labels: { de: "Drucker" }, options: [] }],
    },
    { value: "other", labels: {}, options: [] },
  ];
  expect(flatOptions(tree, "de")).toEqual([
    { id: "hardware", label: "Hardware" },
    { id: "hardware/printer", label: "Hardware › Drucker" },
    { id: "other", label: "other" },
  ]);
});
