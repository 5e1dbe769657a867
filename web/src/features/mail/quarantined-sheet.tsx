import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { QuarantinedMail } from "@/lib/api/types.ts";
import { formatBytes, formatExact } from "@/lib/format.ts";
import { Button } from "@/ui/button.tsx";
import { Field } from "@/ui/field.tsx";
import { Loaded } from "@/ui/page.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { quarantinedQuery } from "./queries.ts";
import { useReasonWords } from "./reason.ts";
import { useDeleteQuarantined, useReplay } from "./use-quarantine.ts";

const TEXT = "max-h-60 overflow-auto rounded-md bg-canvas px-3 py-2 text-sm break-words whitespace-pre-wrap";

/** One mail of quarantine, looked at safely: its header and its text as text. Nothing in it is read as markup. */
export function QuarantinedSheet({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation(["mail", "desk", "page"]);
  const mail = useQuery(quarantinedQuery(id));
  const replay = useReplay(onClose);
  const [deleting, setDeleting] = useState(false);
  const found = mail.data;
  return (
    <Sheet title={found?.subject || t("quarantine.look")} isOpen onClose={onClose}>
      <Loaded query={mail} has={found !== undefined}>
        {found && <Facts mail={found} />}
      </Loaded>
      <ProblemText error={replay.error} />
      {deleting ? (
        <DeleteForm id={id} onCancel={() => setDeleting(false)} onDone={onClose} />
      ) : (
        <div className="flex flex-wrap gap-2">
          <Button
            look="primary"
            disabled={replay.isPending}
            onClick={() => replay.mutate({ ids: [id], release: true })}
          >
            {t("quarantine.release")}
          </Button>
          <Button disabled={replay.isPending} onClick={() => replay.mutate({ ids: [id], release: false })}>
            {t("quarantine.again")}
          </Button>
          <Button look="danger" onClick={() => setDeleting(true)}>
            {t("page:delete")}
          </Button>
          <Button onClick={onClose}>{t("desk:common.close")}</Button>
        </div>
      )}
    </Sheet>
  );
}

function Facts({ mail }: { mail: QuarantinedMail }) {
  const { t, i18n } = useTranslation(["mail", "desk", "page"]);
  const reasonWords = useReasonWords();
  return (
    <>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
        <Fact name={t("quarantine.reason")}>{reasonWords(mail.reason)}</Fact>
        <Fact name={t("quarantine.sender")}>{mail.sender ?? t("quarantine.noSender")}</Fact>
        <Fact name={t("quarantine.when")}>{formatExact(mail.received_at, i18n.language)}</Fact>
        <Fact name={t("quarantine.size")}>{formatBytes(mail.size_bytes, i18n.language)}</Fact>
      </dl>
      <section aria-label={t("quarantine.text")}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <div dir="auto" tabIndex={0} className={TEXT}>
          {mail.text || t("quarantine.noText")}
        </div>
      </section>
      <details className="text-sm">
        <summary className="min-h-6 cursor-pointer text-ink-soft">{t("quarantine.headers")}</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <pre dir="ltr" tabIndex={0} className={`mt-2 font-mono text-xs ${TEXT}`}>
          {mail.headers}
        </pre>
      </details>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-ink-soft">{name}</dt>
      <dd className="min-w-0 break-words">
        <bdi>{children}</bdi>
      </dd>
    </>
  );
}

function DeleteForm({ id, onCancel, onDone }: { id: string; onCancel: () => void; onDone: () => void }) {
  const { t } = useTranslation(["mail", "desk", "page"]);
  const remove = useDeleteQuarantined(id, onDone);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    remove.mutate(String(new FormData(event.currentTarget).get("why")).trim());
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-3">
      <Field label={t("quarantine.why")} name="why" dir="auto" required pattern=".*\S.*" maxLength={200} autoFocus />
      <ProblemText error={remove.error} />
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onCancel}>{t("page:cancel")}</Button>
        <Button look="danger" type="submit" disabled={remove.isPending}>
          {t("quarantine.deleteForGood")}
        </Button>
      </div>
    </form>
  );
}
