// @vitest-environment jsdom
import { expect, it, vi } from "vitest";
import type { FieldDefinition, OwnForm } from "@/lib/api/types.ts";
import { mount, press, write } from "../mount-for-tests.tsx";
import { NEW_FIELD } from "./draft.ts";
import { FieldList } from "./field-list.tsx";
import { FormList } from "./form-list.tsx";

const field = (key: string): FieldDefinition => ({ ...NEW_FIELD, key, labels: { en: key } });
const form = (key: string): OwnForm => ({ key, labels: { en: key }, fields: [], types: [], brands: [] });

it("changes the field whose sheet is open, wherever a colleague's order put it meanwhile", async () => {
  const onChange = vi.fn();
  const list = (...keys: string[]) => {
    const fields = keys.map(field);
    return <FieldList fields={fields} saved={fields} places={[]} onChange={onChange} />;
  };
  const show = mount(list("device", "serial"));
  await press("Edit serial");
  show(list("color", "device", "serial"));
  await write("Name in English", "Serial number");
  await press("Apply");
  const changed = { ...field("serial"), labels: { en: "Serial number" } };
  expect(onChange).toHaveBeenCalledWith([field("color"), field("device"), expect.objectContaining(changed)]);
});

it("changes the form whose sheet is open, also one that a colleague took away", async () => {
  const onChange = vi.fn();
  const list = (...keys: string[]) => <FormList forms={keys.map(form)} fields={[]} places={[]} onChange={onChange} />;
  const show = mount(list("repair", "return"));
  await press("Edit return");
  show(list("return", "repair"));
  await write("Name in English", "Send back");
  show(list("repair"));
  await press("Apply");
  expect(onChange).toHaveBeenCalledWith([form("repair"), { ...form("return"), labels: { en: "Send back" } }]);
});
