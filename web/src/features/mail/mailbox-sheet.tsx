import type { FormEvent } from "react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Mailbox } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { ImapFields } from "./imap-fields.tsx";
import { bodyFrom } from "./mailbox-body.ts";
import { SecretField } from "./secret-field.tsx";
import { useSaveMailbox } from "./use-mailbox.ts";

interface MailboxSheetProps {
  mailbox: Mailbox | null;
  onClose: () => void;
}

/** A mailbox to add or to change. Its secrets are written here and never shown. */
export function MailboxSheet({ mailbox, onClose }: MailboxSheetProps) {
  const { t } = useTranslation(["mail", "page"]);
  // What the writer has seen: a version that comes in meanwhile must not be written over.
  const [seen] = useState(mailbox);
  const [receives, setReceives] = useState(seen === null || seen.imap ? "imap" : "handed");
  const save = useSaveMailbox(seen, onClose);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(bodyFrom(new FormData(event.currentTarget), seen));
  };

  return (
    <Sheet title={seen ? t("mailbox.change") : t("mailbox.add")} isOpen onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field
          label={t("mailbox.address")}
          name="address"
          type="email"
          dir="ltr"
          required
          autoComplete="off"
          defaultValue={seen?.address}
        />
        <div className="grid gap-4 md:grid-cols-2">
          <Field label={t("mailbox.name")} name="name" dir="auto" maxLength={200} defaultValue={seen?.name} />
          <Field label={t("mailbox.group")} name="group" dir="auto" maxLength={100} defaultValue={seen?.group ?? ""} />
        </div>
        <ChoiceField
          label={t("mailbox.receives")}
          name="receives"
          value={receives}
          onChange={(event) => setReceives(event.target.value)}
        >
          <option value="imap">{t("mailbox.byImap")}</option>
          <option value="handed">{t("mailbox.byHand")}</option>
        </ChoiceField>
        {receives === "imap" && <ImapFields imap={seen?.imap ?? null} secrets={seen?.secrets ?? []} />}
        <div className="grid items-start gap-4 md:grid-cols-2">
          <Field
            label={t("mailbox.smtp")}
            hint={t("mailbox.smtpHint")}
            name="smtp_url"
            dir="ltr"
            placeholder="smtp://user@smtp.example.com:587"
            defaultValue={seen?.smtp_url ?? ""}
          />
          <SecretField name="smtp_password" kept={seen?.secrets ?? []} />
        </div>
        <ProblemText error={save.error} />
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("page:cancel")}</Button>
          <Button look="primary" type="submit" disabled={save.isPending}>
            {t("page:save")}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}
