import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { storage } from "@/lib/storage.ts";
import type en from "@/locales/en.json";

/** The languages of the desk, each by its own name. `tag` is what numbers, dates and React Aria follow. */
export const LOCALES = {
  en: { name: "English", tag: "en-US", load: () => import("@/locales/en.json") },
  hi: { name: "हिन्दी", tag: "hi-IN", load: () => import("@/locales/hi.json") },
  bn: { name: "বাংলা", tag: "bn-BD", load: () => import("@/locales/bn.json") },
  de: { name: "Deutsch", tag: "de-DE", load: () => import("@/locales/de.json") },
  es: { name: "Español", tag: "es-ES", load: () => import("@/locales/es.json") },
  ar: { name: "العربية", tag: "ar-EG", load: () => import("@/locales/ar.json") },
} as const;

export type Locale = keyof typeof LOCALES;

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
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

/** Loads the texts and makes the whole document follow the language and its direction. */
export async function setLocale(locale: Locale): Promise<void> {
  const texts = await LOCALES[locale].load();
  i18next.addResourceBundle(locale, "translation", texts.default, true, true);
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
  await i18next.use(initReactI18next).init({
    resources: {},
    fallbackLng: false,
    // React escapes what it shows.
    interpolation: { escapeValue: false },
  });
  await setLocale(preferredLocale());
}
