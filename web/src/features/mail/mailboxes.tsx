import { useQuery } from "@tanstack/react-query";
import { Mailbox as MailboxIcon, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { MailboxItem } from "./mailbox-item.tsx";
import { MailboxSheet } from "./mailbox-sheet.tsx";
import { mailboxesQuery } from "./queries.ts";

/** The mailboxes of the desk: how fetching goes, and what to do where it does not. */
export function Mailboxes() {
  const { t } = useTranslation("mail");
  const mailboxes = useQuery(mailboxesQuery);
  const [edited, setEdited] = useState<string | "new" | null>(null);
  const list = mailboxes.data;
  return (
    <>
      <PageHead title={t("sections.mailboxes")} hint={t("mailbox.hint")}>
        <Button look="primary" onClick={() => setEdited("new")}>
          <Plus aria-hidden className="size-4" />
          {t("mailbox.add")}
        </Button>
      </PageHead>
      <Loaded query={mailboxes} has={list !== undefined}>
        {list?.length === 0 ? (
          <Notice icon={<MailboxIcon aria-hidden className="size-6" />} title={t("mailbox.none")}>
            {t("mailbox.noneHint")}
          </Notice>
        ) : (
          <ul className="flex flex-col gap-3">
            {list?.map((mailbox) => (
              <MailboxItem key={mailbox.id} mailbox={mailbox} onEdit={() => setEdited(mailbox.id)} />
            ))}
          </ul>
        )}
      </Loaded>
      {edited !== null && (
        <MailboxSheet
          mailbox={list?.find((mailbox) => mailbox.id === edited) ?? null}
          onClose={() => setEdited(null)}
        />
      )}
    </>
  );
}
