import { describe, expect, it } from "vitest";
import ar from "./ar.json";
import bn from "./bn.json";
import de from "./de.json";
import en from "./en.json";
import es from "./es.json";
import hi from "./hi.json";
import bnAria from "./react-aria/bn.json";
import hiAria from "./react-aria/hi.json";

const LOCALES: Record<string, object> = { ar, bn, de, en, es, hi };
const FORMS = /_(zero|one|two|few|many|other)$/;

function flat(texts: object, prefix = ""): Map<string, string> {
  return new Map(
    Object.entries(texts).flatMap(([key, value]) =>
      typeof value === "string" ? [[prefix + key, value] as const] : [...flat(value, `${prefix}${key}.`)],
    ),
  );
}

const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();
const english = flat(en);
const plural = (key: string) => FORMS.test(key);

describe.each(Object.entries(LOCALES))("the texts in %s", (locale, source) => {
  const texts = flat(source);

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
      expect(own, key).toEqual(placeholders(model).filter((name) => name !== "count"));
    }
  });
});

it("React Aria's own words are there in Hindi and in Bengali", () => {
  expect([...flat(hiAria).keys()]).toEqual([...flat(bnAria).keys()]);
});
