import type { Mailbox, MailboxBody } from "@/lib/api/types.ts";

type Imap = NonNullable<MailboxBody["imap"]>;

/** What is written to change some of a mailbox: all of it as it is, without the secrets, which stay as they are. */
export function bodyOf({ address, name, brand, group, language, enabled, imap, smtp_url }: Mailbox): MailboxBody {
  return { address, name, brand, group, language, enabled, imap, smtp_url };
}

/** What the form says. Fields it does not show keep the value they had; a secret that is left empty stays as it is. */
export function bodyFrom(form: FormData, before: Mailbox | null): MailboxBody {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const some = (name: string) => text(name) || null;
  const secrets = Object.fromEntries(
    ["password", "refresh_token", "client_secret", "smtp_password"].flatMap((name) => {
      // Not trimmed: a space may belong to a password.
      const secret = String(form.get(name) ?? "");
      return secret === "" ? [] : [[name, secret]];
    }),
  );
  return {
    brand: before?.brand ?? "default",
    address: text("address"),
    name: text("name"),
    group: some("group"),
    language: before?.language ?? null,
    enabled: before?.enabled ?? true,
    smtp_url: some("smtp_url"),
    imap: text("receives") === "imap" ? imapFrom(text, before?.imap ?? null) : null,
    ...(Object.keys(secrets).length > 0 && { secrets }),
  };
}

function imapFrom(text: (name: string) => string, before: Imap | null): Imap {
  const auth = text("auth") as Imap["auth"];
  const after = text("after") as Imap["after"];
  const oauth = auth === "oauth2";
  return {
    start: before?.start ?? "all",
    poll_seconds: before?.poll_seconds ?? 60,
    host: text("host"),
    port: Number(text("port")),
    security: text("security") as Imap["security"],
    username: text("username"),
    auth,
    token_url: oauth ? text("token_url") : null,
    client_id: oauth ? text("client_id") : null,
    scope: oauth ? text("scope") || null : null,
    folder: text("folder") || "INBOX",
    after,
    move_to: after === "move" ? text("move_to") : null,
  };
}
