// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createInstance } from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { I18nextProvider } from "react-i18next";
import { expect, it } from "vitest";
import type { Message } from "@/lib/api/types.ts";
import desk from "@/locales/en/desk.json";
import links from "@/locales/en/links.json";
import ticket from "@/locales/en/ticket.json";
import { MessageItem } from "./message-item.tsx";

const i18n = createInstance({ lng: "en", defaultNS: "desk", resources: { en: { desk, links, ticket } } });
await i18n.init();

function shown(message: Partial<Message>): string {
  const whole = {
    id: "m1",
    kind: "reply",
    author: { kind: "agent", id: "a1", name: "Asha" },
    text: "Try again.",
    added_at: "2026-03-02T09:00:00Z",
    attachments: [],
    channel: "email",
    quoted: false,
    html: null,
    cc: [],
    text_truncated: false,
    delivery_detail: null,
    ...message,
  } as Message;
  return renderToStaticMarkup(
    <QueryClientProvider client={new QueryClient()}>
      <I18nextProvider i18n={i18n}>
        <MessageItem message={whole} />
      </I18nextProvider>
    </QueryClientProvider>,
  );
}

it.each([
  ["queued", "Sending"],
  ["delivered", "Delivered"],
  ["available", "Available to read"],
  ["failed", "Could not be delivered"],
  ["bounced", "Came back undelivered"],
])("a reply that is %s says so", (state, label) => {
  expect(shown({ delivery_state: state })).toContain(label);
});

it("a reply that came back says whom it did not reach, and why", () => {
  const html = shown({ delivery_state: "bounced", delivery_detail: "ana@example.org: no such mailbox" });
  expect(html).toContain("ana@example.org: no such mailbox");
});

it("offers the original of a customer's mail, in words where something of it was left out", () => {
  expect(shown({ kind: "customer", quoted: true })).toContain(">Show the original<");
  expect(shown({ kind: "customer", quoted: false })).toContain('aria-label="Show the original"');
  expect(shown({ kind: "customer", channel: "form" })).not.toContain("Show the original");
  expect(shown({ kind: "reply" })).not.toContain("Show the original");
});

it("shows the formats that replies have, and of anything else the text alone", () => {
  const html =
    '<p onclick="a()">Use <b>water</b><img src=x onerror=a()> <a href="javascript:a()">now</a></p><script>a()</script>';
  const page = shown({ html: `${html}<a href="https://example.com/">here</a>` });
  expect(page).toContain("<p>Use <b>water</b> now</p>");
  expect(page).toContain('href="https://example.com/"');
  expect(page).not.toMatch(/onclick|onerror|javascript:|<script|<img/);
});

it("makes web addresses in plain text links, without what follows them", () => {
  expect(shown({ text: "See https://example.com/a?b=1, or <b>ask</b>." })).toMatch(
    /See <a href="https:\/\/example.com\/a\?b=1"[^>]*>https:\/\/example.com\/a\?b=1<\/a>, or &lt;b&gt;ask&lt;\/b&gt;/,
  );
});

it("a note has no delivery", () => {
  expect(shown({ kind: "note", delivery_state: null })).not.toContain("Available to read");
});
