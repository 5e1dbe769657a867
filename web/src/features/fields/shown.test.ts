import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Form, type OwnField, type Shown, shownFields } from "./shown.ts";

interface Case {
  name: string;
  now: string;
  ticket: Record<string, unknown>;
  fields: OwnField[];
  forms: Form[];
  values: Record<string, unknown>;
  shown: Record<string, Shown>;
}

const file = new URL("../../../../tests/data/fields/cases.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf-8")) as Case[];

describe("fields are shown and required as the service says", () => {
  it.each(cases.map((one) => [one.name, one] as const))("%s", (_name, one) => {
    const shown = shownFields(one.fields, one.forms, one.ticket, one.values, new Date(one.now));
    expect(Object.fromEntries(shown)).toEqual(one.shown);
  });
});
