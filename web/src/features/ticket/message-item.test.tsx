import { createInstance } from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { I18nextProvider } from "react-i18next";
import { expect, it } from "vitest";
import type { Message } from "@/lib/api/types.ts";
import en from "@/locales/en.json";
import { MessageItem } from "./message-item.tsx";

const i18n = createInstance({ lng: "en", resources: { en: { translation: en } } });
await i18n.init();

function shown(message: Partial<Message>): string {
  const whole = {
    id: "m1",
    kind: "reply",
    author: { kind: "agent", id: "a1", name: "Asha" },
    text: "Try again.",
    added_at: "2026-03-02T09:00:00Z",
    ...message,
  } as Message;
  return renderToStaticMarkup(
    <I18nextProvider i18n={i18n}>
      <MessageItem message={whole} />
    </I18nextProvider>,
  );
}

it.each([
  ["queued", "Sending"],
  ["delivered", "Delivered"],
  ["available", "Available to read"],
  ["failed", "Could not be delivered"],
])("a reply that is %s says so", (state, label) => {
  expect(shown({ delivery_state: state })).toContain(label);
});

it("a note has no delivery", () => {
  expect(shown({ kind: "note", delivery_state: null })).not.toContain("Available to read");
});
