import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Mailbox } from "@/lib/api/types.ts";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { SecretField } from "./secret-field.tsx";

interface ImapFieldsProps {
  imap: Mailbox["imap"];
  secrets: readonly string[];
}

/** Where mail is fetched from, how to log in there, and what becomes of it once it is here. */
export function ImapFields({ imap, secrets }: ImapFieldsProps) {
  const { t } = useTranslation("mail");
  const [auth, setAuth] = useState(imap?.auth ?? "password");
  const [after, setAfter] = useState(imap?.after ?? "leave");
  return (
    <fieldset className="flex flex-col gap-4 rounded-md border border-line p-4">
      <legend className="px-1 text-sm font-medium">IMAP</legend>
      <Field
        label={t("imap.host")}
        name="host"
        dir="ltr"
        required
        placeholder="imap.example.com"
        defaultValue={imap?.host}
      />
      <div className="grid gap-4 md:grid-cols-2">
        <Field
          label={t("imap.port")}
          name="port"
          type="number"
          dir="ltr"
          min={1}
          max={65535}
          required
          defaultValue={imap?.port ?? 993}
        />
        <ChoiceField label={t("imap.security")} name="security" defaultValue={imap?.security ?? "tls"}>
          <option value="tls">TLS</option>
          <option value="starttls">STARTTLS</option>
          <option value="none">{t("imap.noSecurity")}</option>
        </ChoiceField>
        <Field
          label={t("imap.username")}
          name="username"
          dir="ltr"
          required
          autoComplete="off"
          defaultValue={imap?.username}
        />
        <ChoiceField
          label={t("imap.auth")}
          name="auth"
          value={auth}
          onChange={(event) => setAuth(event.target.value as typeof auth)}
        >
          <option value="password">{t("imap.byPassword")}</option>
          <option value="oauth2">OAuth 2.0</option>
        </ChoiceField>
        {auth === "password" ? (
          <SecretField name="password" kept={secrets} />
        ) : (
          <>
            <Field
              label={t("imap.tokenUrl")}
              name="token_url"
              type="url"
              dir="ltr"
              required
              defaultValue={imap?.token_url ?? ""}
            />
            <Field
              label={t("imap.clientId")}
              name="client_id"
              dir="ltr"
              required
              defaultValue={imap?.client_id ?? ""}
            />
            <Field label={t("imap.scope")} name="scope" dir="ltr" defaultValue={imap?.scope ?? ""} />
            <SecretField name="refresh_token" kept={secrets} />
            <SecretField name="client_secret" kept={secrets} />
          </>
        )}
        <Field label={t("imap.folder")} name="folder" dir="auto" defaultValue={imap?.folder ?? "INBOX"} />
        <ChoiceField
          label={t("imap.after")}
          name="after"
          value={after}
          onChange={(event) => setAfter(event.target.value as typeof after)}
        >
          {(["leave", "seen", "move", "delete"] as const).map((each) => (
            <option key={each} value={each}>
              {t(`imap.afters.${each}`)}
            </option>
          ))}
        </ChoiceField>
        {after === "move" && (
          <Field label={t("imap.moveTo")} name="move_to" dir="auto" required defaultValue={imap?.move_to ?? ""} />
        )}
      </div>
    </fieldset>
  );
}
