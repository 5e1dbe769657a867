// @vitest-environment jsdom
import { createInstance } from "i18next";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { I18nextProvider, initReactI18next } from "react-i18next";
import { describe, expect, it, vi } from "vitest";
import { NotificationText } from "./notification-text.tsx";
import type { Notification } from "./queries.ts";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

const TEXTS = import.meta.glob<Record<string, string>>("../../locales/*/notifications.json", {
  eager: true,
  import: "default",
});
const LANGUAGES = Object.keys(TEXTS).map((path) => path.split("/").at(-2) ?? "");
// Every kind that there is, and whether somebody is named with it.
const KINDS: Record<Notification["kind"], boolean> = {
  assigned: true,
  mentioned: true,
  answered: false,
  replied: true,
  solved: false,
  closed: false,
  reopened: false,
  woken: false,
  undelivered: false,
};
const kinds = Object.keys(KINDS) as Notification["kind"][];

async function shown(language: string, item: Partial<Notification>): Promise<string> {
  const i18n = createInstance();
  const notifications = TEXTS[`../../locales/${language}/notifications.json`] ?? {};
  await i18n.use(initReactI18next).init({
    lng: language,
    resources: { [language]: { notifications } },
    interpolation: { escapeValue: false },
  });
  const place = document.body.appendChild(document.createElement("div"));
  const drawn = createRoot(place);
  const whole = { created_at: "2026-03-02T09:00:00Z", ticket_number: 7, author: "", ...item } as Notification;
  act(() =>
    drawn.render(
      <I18nextProvider i18n={i18n}>
        <NotificationText item={whole} subject={undefined} />
      </I18nextProvider>,
    ),
  );
  const text = place.querySelector("span.text-sm > span")?.textContent ?? "";
  act(() => drawn.unmount());
  place.remove();
  return text;
}

describe.each(LANGUAGES)("in %s", (language) => {
  it("says of each kind something else, and names who did it where somebody is", async () => {
    const texts = await Promise.all(kinds.map((kind) => shown(language, { kind, author: "Ben" })));
    expect(new Set(texts).size).toBe(kinds.length);
    for (const [index, kind] of kinds.entries()) {
      expect(texts[index]).not.toBe(kind);
      expect(texts[index]?.includes("\u2068Ben\u2069")).toBe(KINDS[kind]);
    }
  });

  it("names nobody where routing gave a ticket", async () => {
    const text = await shown(language, { kind: "assigned" });
    expect(text).not.toBe("routed");
    expect(text).not.toMatch(/[\u2068\u2069{]/);
  });
});
