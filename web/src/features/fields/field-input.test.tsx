// @vitest-environment jsdom
import { createInstance } from "i18next";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { I18nextProvider } from "react-i18next";
import { expect, it } from "vitest";
import type { FieldDefinition } from "@/lib/api/types.ts";
import desk from "@/locales/en/desk.json";
import panel from "@/locales/en/panel.json";
import { FieldInput } from "./field-input.tsx";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
const i18n = createInstance({ lng: "en", defaultNS: "desk", resources: { en: { desk, panel } } });
await i18n.init();

const FIELD = { key: "serial", kind: "text", labels: {} } as unknown as FieldDefinition;

/** Writes a value, leaves the field, and tells what stands there once the server answered. */
async function written(isAccepted: boolean): Promise<string> {
  const root = document.body.appendChild(document.createElement("div"));
  const onChange = () => Promise.resolve(isAccepted);
  act(() =>
    createRoot(root).render(
      <I18nextProvider i18n={i18n}>
        <FieldInput field={FIELD} label="Serial" value="old" onChange={onChange} isRequired={false} />
      </I18nextProvider>,
    ),
  );
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

it("keeps what was written and refused", async () => {
  expect(await written(false)).toBe("new");
});

it("shows what the ticket has once it was accepted", async () => {
  expect(await written(true)).toBe("old");
});
