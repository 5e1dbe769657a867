import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Mailbox, MailboxCheck } from "@/lib/api/types.ts";
import { formatWhen } from "@/lib/format.ts";
import { Badge, type Tone } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { useCheckMailbox, useDeleteMailbox, useSwitchMailbox } from "./use-mailbox.ts";

const TONES: Record<NonNullable<Mailbox["fetching"]>["state"] | "handed", Tone> = {
  waiting: "good",
  reading: "accent",
  failing: "bad",
  disabled: "neutral",
  handed: "neutral",
};

/** One mailbox: how it goes, what is wrong in words, and what can be done. */
export function MailboxItem({ mailbox, onEdit }: { mailbox: Mailbox; onEdit: () => void }) {
  const { t, i18n } = useTranslation(["mail", "page"]);
  const [deleting, setDeleting] = useState(false);
  const check = useCheckMailbox(mailbox);
  const change = useSwitchMailbox(mailbox);
  const { fetching } = mailbox;
  const state = mailbox.enabled ? (fetching?.state ?? "handed") : "disabled";
  return (
    <li className="flex flex-col gap-2 rounded-md border border-line bg-surface p-4">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h3 className="min-w-0 font-medium break-words">
          <bdi>{mailbox.address}</bdi>
        </h3>
        <Badge tone={TONES[state]}>{t(`state.${state}`)}</Badge>
        {mailbox.name && <bdi className="text-sm text-ink-soft">{mailbox.name}</bdi>}
        {mailbox.group && (
          <Badge title={t("mailbox.group")}>
            <bdi>{mailbox.group}</bdi>
          </Badge>
        )}
      </div>
      <p className="text-sm text-ink-soft">
        {fetching === null
          ? t("mailbox.handedHint")
          : fetching.checked_at
            ? t("mailbox.checkedAt", { when: formatWhen(fetching.checked_at, i18n.language, Date.now()) })
            : t("mailbox.neverChecked")}
      </p>
      {fetching?.problem && (
        <p dir="auto" className="page-start rounded-md bg-bad-soft px-3 py-2 text-sm text-bad">
          {fetching.problem}
        </p>
      )}
      <div role="status" className="empty:hidden">
        {check.isPending && <span className="text-sm text-ink-soft">{t("check.running")}</span>}
        {check.data && <CheckText check={check.data} />}
      </div>
      <ProblemText error={check.error ?? change.error} />
      <div className="flex flex-wrap gap-2">
        <Button onClick={() => check.mutate()} disabled={check.isPending}>
          {t("check.button")}
        </Button>
        <Button onClick={onEdit}>{t("page:edit")}</Button>
        <Button onClick={() => change.mutate(!mailbox.enabled)} disabled={change.isPending}>
          {mailbox.enabled ? t("mailbox.disable") : t("mailbox.enable")}
        </Button>
        <Button look="danger" onClick={() => setDeleting(true)}>
          {t("page:delete")}
        </Button>
      </div>
      {deleting && <DeleteSheet mailbox={mailbox} onClose={() => setDeleting(false)} />}
    </li>
  );
}

function CheckText({ check }: { check: MailboxCheck }) {
  const { t } = useTranslation(["mail", "page"]);
  if (check.ok) {
    return (
      <p className="rounded-md bg-good-soft px-3 py-2 text-sm text-good">
        {check.messages === null ? t("check.ok") : t("check.okWith", { count: check.messages })}
      </p>
    );
  }
  return (
    <ul className="flex flex-col gap-1 rounded-md bg-bad-soft px-3 py-2 text-sm text-bad">
      {check.problems.map((problem) => (
        <li key={problem.part} dir="auto" className="page-start">
          {t(`check.part.${problem.part}`)}: <bdi>{problem.words}</bdi>
        </li>
      ))}
    </ul>
  );
}

function DeleteSheet({ mailbox, onClose }: { mailbox: Mailbox; onClose: () => void }) {
  const { t } = useTranslation(["mail", "page"]);
  const remove = useDeleteMailbox(mailbox);
  return (
    <Sheet title={t("mailbox.deleteTitle", { address: mailbox.address })} isOpen onClose={onClose}>
      <p className="text-sm">{t("mailbox.deleteHint")}</p>
      <ProblemText error={remove.error} />
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onClose}>{t("page:cancel")}</Button>
        <Button look="danger" onClick={() => remove.mutate()} disabled={remove.isPending}>
          {t("page:delete")}
        </Button>
      </div>
    </Sheet>
  );
}
