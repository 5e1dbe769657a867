import { describe, expect, it } from "vitest";
import bnAria from "./react-aria/bn.json";
import hiAria from "./react-aria/hi.json";

const files = import.meta.glob<object>("./*/*.json", { eager: true, import: "default" });
const LANGUAGES = ["ar", "bn", "de", "en", "es", "hi"];
const NAMESPACES = Object.keys(files).flatMap((path) => /^\.\/en\/(\w+)\.json$/.exec(path)?.[1] ?? []);
const FORMS = /_(zero|one|two|few|many|other)$/;

function flat(texts: object, prefix = ""): Map<string, string> {
  return new Map(
    Object.entries(texts).flatMap(([key, value]) =>
      typeof value === "string" ? [[prefix + key, value] as const] : [...flat(value, `${prefix}${key}.`)],
    ),
  );
}

const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();
const without = (names: (string | undefined)[]) => names.filter((name) => name !== "number");
const plural = (key: string) => FORMS.test(key);

const source = (locale: string, namespace: string) => flat(files[`./${locale}/${namespace}.json`] ?? {});

it("every language has the same files", () => {
  const wanted = LANGUAGES.flatMap((locale) => NAMESPACES.map((namespace) => `./${locale}/${namespace}.json`));
  expect(
    Object.keys(files)
      .filter((path) => !path.startsWith("./react-aria/"))
      .sort(),
  ).toEqual(wanted.sort());
});

describe.each(LANGUAGES.flatMap((locale) => NAMESPACES.map((namespace) => [locale, namespace] as const)))(
  "the texts in %s of %s",
  (locale, namespace) => {
    const texts = source(locale, namespace);
    const english = source("en", namespace);

    it("are complete, and none is left over", () => {
      const plain = (keys: Iterable<string>) => [...keys].filter((key) => !plural(key)).sort();
      expect(plain(texts.keys())).toEqual(plain(english.keys()));
    });

    it("have every plural form of the language", () => {
      const stems = new Set([...english.keys()].filter(plural).map((key) => key.replace(FORMS, "")));
      const forms = new Intl.PluralRules(locale).resolvedOptions().pluralCategories;
      const wanted = [...stems].flatMap((stem) => forms.map((form) => `${stem}_${form}`));
      expect([...texts.keys()].filter(plural).sort()).toEqual(wanted.sort());
    });

    it("are not empty, and say nothing English does not", () => {
      for (const [key, text] of texts) {
        expect(text.trim(), key).not.toBe("");
        const model = english.get(key) ?? english.get(key.replace(FORMS, "_other")) ?? "";
        const own = placeholders(text).filter((name) => name !== "count");
        const wanted = placeholders(model).filter((name) => name !== "count");
        // Arabic has words for none, one and two, beside which a number would be wrong.
        expect(own, key).toEqual(/_(zero|one|two)$/.test(key) && !own.includes("number") ? without(wanted) : wanted);
      }
    });
  },
);

it("React Aria's own words are there in Hindi and in Bengali", () => {
  expect([...flat(hiAria).keys()]).toEqual([...flat(bnAria).keys()]);
});
