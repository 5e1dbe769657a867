// @vitest-environment jsdom
import { createInstance } from "i18next";
import { act, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { I18nextProvider } from "react-i18next";
import { expect, it, vi } from "vitest";
import type { FieldDefinition } from "@/lib/api/types.ts";
import desk from "@/locales/en/desk.json";
import panel from "@/locales/en/panel.json";
import { FieldInput } from "./field-input.tsx";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
const i18n = createInstance({ lng: "en", defaultNS: "desk", resources: { en: { desk, panel } } });
await i18n.init();

const FIELD = { key: "serial", kind: "text", labels: {} } as unknown as FieldDefinition;

function mount(input: ReactNode): HTMLElement {
  const root = document.body.appendChild(document.createElement("div"));
  act(() => createRoot(root).render(<I18nextProvider i18n={i18n}>{input}</I18nextProvider>));
  return root;
}

/** Writes a value, leaves the field, and tells what stands there once the server answered. */
async function written(isAccepted: boolean): Promise<string> {
  const onChange = () => Promise.resolve(isAccepted);
  const root = mount(<FieldInput field={FIELD} label="Serial" value="old" onChange={onChange} isRequired={false} />);
  const input = root.querySelector("input") as HTMLInputElement;
  const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set;
  act(() => {
    setValue?.call(input, "new");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await act(async () => {
    input.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
  });
  return input.value;
}

it.each([null, { amount: "3.00", currency: "EUR" }])("changes nothing when a currency is only looked at", (value) => {
  const onChange = vi.fn();
  const field = { ...FIELD, kind: "money" } as FieldDefinition;
  const root = mount(<FieldInput field={field} label="Cost" value={value} onChange={onChange} isRequired={false} />);
  act(() => void root.querySelectorAll("input")[1]?.dispatchEvent(new FocusEvent("focusout", { bubbles: true })));
  expect(onChange).not.toHaveBeenCalled();
});

it("keeps what was written and refused", async () => {
  expect(await written(false)).toBe("new");
});

it("shows what the ticket has once it was accepted", async () => {
  expect(await written(true)).toBe("old");
});
