// @vitest-environment jsdom
import { createInstance } from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { I18nextProvider } from "react-i18next";
import { expect, it } from "vitest";
import mailTexts from "@/locales/en/mail.json";
import { type Security, type Signature, verdictOf } from "./security.ts";
import SecurityBadge, { SecurityDetails } from "./security-badge.tsx";

const i18n = createInstance({ lng: "en", defaultNS: "mail", resources: { en: { mail: mailTexts } } });
await i18n.init();
const texts = mailTexts.security;

const mail = (said: Partial<Security>): Security => ({ scheme: "pgp", encrypted: false, decrypted: false, ...said });
const shown = (said: Partial<Security>) =>
  renderToStaticMarkup(
    <I18nextProvider i18n={i18n}>
      <SecurityBadge security={mail(said)} />
      <SecurityDetails security={mail(said)} />
    </I18nextProvider>,
  );

it.each<[Signature, string]>([
  ["valid", "good"],
  ["altered", "bad"],
  ["wrong_address", "bad"],
  ["expired", "warn"],
  ["unknown_key", "warn"],
  ["partial", "warn"],
  ["unchecked", "warn"],
])("a signature that is %s is %s, in words of its own", (signature, tone) => {
  expect(verdictOf(mail({ signature })).tone).toBe(tone);
  const html = shown({ signature, signer: "ana@example.org", fingerprint: "AB12" });
  expect(html).toContain(texts.signature[signature]);
  expect(html).toContain(texts.means[signature]);
  expect(html).toMatch(/ana@example\.org.*AB12/s);
});

it("only a valid signature lets customers see what was decrypted, and says so", () => {
  expect(shown({ encrypted: true, decrypted: true, signature: "valid" })).not.toContain(texts.withheld);
  for (const signature of [null, "unknown_key", "partial"] as const) {
    expect(shown({ encrypted: true, decrypted: true, signature })).toContain(texts.withheld);
  }
});

it("what was decrypted without a signature is never called signed", () => {
  const html = shown({ encrypted: true, decrypted: true });
  expect(html).toContain(texts.signature.none);
  expect(verdictOf(mail({ encrypted: true, decrypted: true })).tone).toBe("warn");
});

it.each(["no_key", "damaged", "unsupported", "not_whole", "nested", "out_of_bounds"] as const)(
  "what stayed encrypted says why: %s",
  (problem) => {
    const html = shown({ encrypted: true, problem });
    expect(html).toContain(texts.encryption.closed);
    expect(html).toContain(texts.problem[problem]);
    expect(html).not.toContain(texts.withheld);
  },
);
