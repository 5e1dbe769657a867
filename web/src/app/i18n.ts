import i18next, { type BackendModule, type FormatterModule } from "i18next";
import { initReactI18next } from "react-i18next";
import { storage } from "@/lib/storage.ts";
import type admin from "@/locales/en/admin.json";
import type commands from "@/locales/en/commands.json";
import type desk from "@/locales/en/desk.json";
import type history from "@/locales/en/history.json";
import type inbox from "@/locales/en/inbox.json";
import type links from "@/locales/en/links.json";
import type mail from "@/locales/en/mail.json";
import type newTicket from "@/locales/en/newTicket.json";
import type notifications from "@/locales/en/notifications.json";
import type page from "@/locales/en/page.json";
import type panel from "@/locales/en/panel.json";
import type presence from "@/locales/en/presence.json";
import type reports from "@/locales/en/reports.json";
import type team from "@/locales/en/team.json";
import type ticket from "@/locales/en/ticket.json";

/**
 * The languages of the desk, each by its own name.
 *
 * Numbers, dates and React Aria follow the language alone, never a country, so that there are digits of one kind: 0 to 9
 * in Arabic, as in its texts, where Egypt would have others.
 */
export const LOCALES = {
  en: { name: "English" },
  hi: { name: "हिन्दी" },
  bn: { name: "বাংলা" },
  de: { name: "Deutsch" },
  es: { name: "Español" },
  ar: { name: "العربية" },
} as const;

export type Locale = keyof typeof LOCALES;

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "desk";
    resources: {
      admin: typeof admin;
      reports: typeof reports;
      team: typeof team;
      commands: typeof commands;
      desk: typeof desk;
      history: typeof history;
      links: typeof links;
      inbox: typeof inbox;
      mail: typeof mail;
      newTicket: typeof newTicket;
      notifications: typeof notifications;
      presence: typeof presence;
      page: typeof page;
      panel: typeof panel;
      ticket: typeof ticket;
    };
  }
}

const SETTING = "desk.locale";

export function isLocale(value: string | null | undefined): value is Locale {
  return value !== null && value !== undefined && value in LOCALES;
}

/** The language chosen before, else the first of the browser's that the desk speaks, else English. */
export function preferredLocale(browser: readonly string[] = navigator.languages): Locale {
  const chosen = storage.get(SETTING);
  if (isLocale(chosen)) {
    return chosen;
  }
  return browser.map((tag) => tag.split("-")[0]).find(isLocale) ?? "en";
}

/** The texts of each feature are a file of their own, fetched when a page first asks for them. */
const files = import.meta.glob<{ default: Record<string, unknown> }>("../locales/*/*.json");
const backend: BackendModule = {
  type: "backend",
  init: () => undefined,
  read: (locale, namespace, done) => {
    const load = files[`../locales/${locale}/${namespace}.json`];
    if (load === undefined) {
      done(new Error(`no texts: ${locale}/${namespace}`), null);
    } else {
      load().then(
        (texts) => done(null, texts.default),
        (error: Error) => done(error, null),
      );
    }
  },
};

/** The placeholders that tickets' numbers come in: they are names, written the same everywhere. */
const TICKETS = new Set(["number", "source", "target"]);
/** Counts within texts have the digits of the language, like the numbers and dates beside them. */
const formatter: FormatterModule = {
  type: "formatter",
  init: () => undefined,
  add: () => undefined,
  addCached: () => undefined,
  format: (value, _, locale, options) =>
    typeof value === "number" && !TICKETS.has(options?.interpolationkey) ? value.toLocaleString(locale) : value,
};

/** Loads the texts and makes the whole document follow the language and its direction. */
export async function setLocale(locale: Locale): Promise<void> {
  await i18next.changeLanguage(locale);
  document.documentElement.lang = locale;
  document.documentElement.dir = locale === "ar" ? "rtl" : "ltr";
}

/** The same, remembered for the next visit. */
export async function chooseLocale(locale: Locale): Promise<void> {
  storage.set(SETTING, locale);
  await setLocale(locale);
}

export async function startTexts(): Promise<void> {
  await i18next
    .use(backend)
    .use(formatter)
    .use(initReactI18next)
    .init({
      ns: ["desk"],
      defaultNS: "desk",
      lng: preferredLocale(),
      load: "currentOnly",
      fallbackLng: false,
      // React escapes what it shows.
      interpolation: { escapeValue: false, alwaysFormat: true },
    });
  await setLocale(preferredLocale());
}
