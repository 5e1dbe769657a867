import { createInstance } from "i18next";
import { expect, it } from "vitest";
import arabic from "@/locales/ar/ticket.json";
import germanPanel from "@/locales/de/panel.json";
import german from "@/locales/de/ticket.json";
import english from "@/locales/en/ticket.json";
import hindi from "@/locales/hi/ticket.json";
import { type RoutingReason, tellReasons } from "./routing-reasons.ts";

const i18n = createInstance({
  lng: "en",
  fallbackLng: false,
  interpolation: { escapeValue: false },
  resources: {
    ar: { ticket: arabic },
    de: { ticket: german, panel: germanPanel },
    en: { ticket: english },
    hi: { ticket: hindi },
  },
});
await i18n.init();

const ENGLISH = "as the service says it";

async function told(locale: string, code: string, params: RoutingReason["params"] = {}): Promise<string | undefined> {
  await i18n.changeLanguage(locale);
  return tellReasons([ENGLISH], [{ code, params }], i18n)[0];
}

const leftOut = (count: number) => ({ count, reason: { code: "away", params: {} } });

it("a reason is told in the reader's language, with the language's own name for languages", async () => {
  expect(await told("en", "speaks", { language: "de" })).toBe("speaks German");
  expect(await told("de", "speaks_fallback", { language: "hi", fallback: "en" })).toBe("spricht Englisch, nicht Hindi");
  expect(await told("hi", "nobody_fits")).toBe("अभी कोई उपयुक्त नहीं");
});

it("numbers, lists and types are written as the reader writes them", async () => {
  expect(await told("de", "load", { load: 3, capacity: 1500 })).toBe("offene Tickets: 3 von 1.500");
  expect(await told("de", "knows", { tags: ["refund", "vip"] })).toBe("kennt \u2068refund\u2069 und \u2068vip\u2069");
  expect(await told("de", "skilled", { type: "billing" })).toBe("kann Abrechnung");
});

it("a moment is told in the reader's zone, not in UTC", async () => {
  const at = new Date(2026, 2, 2, 14, 5).toISOString();
  const reason = await told("de", "let_go_until", { at, utc: "09:05" });
  expect(reason).toBe("Ticket abgegeben; kann es wieder bekommen ab 02.03.2026, 14:05");
});

it("who was left out is counted in the forms of the language, together with why", async () => {
  expect(await told("de", "left_out", leftOut(2))).toBe("2 ausgeschlossen: abwesend");
  const forms = await Promise.all([0, 1, 2, 3, 11, 100].map((count) => told("ar", "left_out", leftOut(count))));
  expect(new Set(forms).size).toBe(6);
  expect(forms[2]).toBe("استُبعد شخصان: في غياب");
});

it("what has no words here, or is about something that has none, is left to the service's English", async () => {
  expect(await told("de", "moon_is_full")).toBe(ENGLISH);
  expect(await told("de", "left_out", { count: 1, reason: { code: "moon_is_full", params: {} } })).toBe(ENGLISH);
});

it("a decision that was kept without codes is told as it was kept", () => {
  expect(tellReasons(["speaks de", "load 0 of 20"], [], i18n)).toEqual(["speaks de", "load 0 of 20"]);
});
