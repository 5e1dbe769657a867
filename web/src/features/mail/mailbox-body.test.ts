import { describe, expect, it } from "vitest";
import type { Mailbox } from "@/lib/api/types.ts";
import { bodyFrom, bodyOf } from "./mailbox-body.ts";

const mailbox: Mailbox = {
  id: "m",
  address: "help@example.com",
  name: "Help",
  brand: "shoes",
  group: "Returns",
  language: "de",
  enabled: false,
  imap: {
    host: "imap.example.com",
    port: 143,
    security: "starttls",
    username: "help",
    auth: "password",
    folder: "INBOX",
    start: "new",
    after: "leave",
    poll_seconds: 15,
  },
  smtp_url: null,
  secrets: ["password"],
  version: 3,
  fetching: null,
};

function form(fields: Record<string, string>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return data;
}

const filled = {
  address: " help@example.com ",
  name: "Help",
  group: "",
  receives: "imap",
  host: "imap.example.com",
  port: "993",
  security: "tls",
  username: "help",
  auth: "password",
  folder: "",
  after: "leave",
  smtp_url: "",
};

describe("what is written of a mailbox", () => {
  it("is all of it but the secrets when something else changes", () => {
    expect(bodyOf(mailbox)).not.toHaveProperty("secrets");
    expect(bodyOf(mailbox)).toMatchObject({ brand: "shoes", imap: mailbox.imap });
  });

  it("keeps what the form does not show, and secrets that are left empty", () => {
    const body = bodyFrom(form({ ...filled, password: "" }), mailbox);
    expect(body).toMatchObject({ brand: "shoes", language: "de", enabled: false, group: null, smtp_url: null });
    expect(body.imap).toMatchObject({ port: 993, security: "tls", start: "new", poll_seconds: 15, folder: "INBOX" });
    expect(body).not.toHaveProperty("secrets");
  });

  it("has a new secret just as it was typed", () => {
    expect(bodyFrom(form({ ...filled, password: " a b " }), null)).toMatchObject({
      address: "help@example.com",
      enabled: true,
      secrets: { password: " a b " },
    });
  });

  it("names a folder to move to, and the places of OAuth, only where they are used", () => {
    const hidden = { move_to: "Done", token_url: "https://id.example.com/token", client_id: "desk" };
    expect(bodyFrom(form({ ...filled, ...hidden }), null).imap).toMatchObject({ move_to: null, token_url: null });
    const shown = { ...filled, ...hidden, after: "move", auth: "oauth2" };
    expect(bodyFrom(form(shown), null).imap).toMatchObject(hidden);
  });

  it("has nothing to fetch where mail is handed over", () => {
    expect(bodyFrom(form({ ...filled, receives: "handed" }), mailbox).imap).toBeNull();
  });
});
