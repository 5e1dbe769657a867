// @vitest-environment jsdom
import i18next from "i18next";
import { beforeAll, expect, it } from "vitest";
import { type Locale, setLocale, startTexts } from "./i18n.ts";

beforeAll(async () => {
  await startTexts();
  await i18next.loadNamespaces(["inbox", "links", "admin"]);
});

it.each<[Locale, string, string]>([
  ["en", "12 tickets changed", "1,234 tickets changed"],
  ["hi", "12", "1,234"],
  ["bn", "১২", "১,২৩৪"],
  ["ar", "12", "1,234"],
])("writes counts in texts with the digits that numbers and dates have: %s", async (locale, dozen, many) => {
  await setLocale(locale);
  expect(i18next.t("inbox:job.changed", { count: 12 })).toContain(dozen);
  expect(i18next.t("inbox:job.changed", { count: 1234 })).toContain(many);
  expect(new Intl.NumberFormat(locale).format(1234)).toBe(many.split(" ")[0]);
});

it.each<Locale>(["en", "bn", "ar"])("leaves the numbers of tickets as they are: %s", async (locale) => {
  await setLocale(locale);
  expect(i18next.t("links:merge.open", { number: 1234 })).toContain("1234");
  expect(i18next.t("links:merge.undone", { source: 1234 })).toContain("1234");
});
