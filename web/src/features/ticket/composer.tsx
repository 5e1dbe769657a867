import { useQuery } from "@tanstack/react-query";
import { Lock, Send } from "lucide-react";
import { type KeyboardEvent, useId, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { slugOf } from "@/lib/api/problem.ts";
import type { Session, TicketRow } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { ComposerProblem } from "./composer-problem.tsx";
import { ComposerTabs } from "./composer-tabs.tsx";
import type { DraftKind } from "./drafts.ts";
import { messagesQuery } from "./queries.ts";
import { useDraft } from "./use-draft.ts";
import { useSend } from "./use-send.ts";

const LOOKS = {
  reply: { box: "border-control bg-surface focus-within:border-accent", button: "primary", Icon: Send },
  note: { box: "border-note bg-note-soft focus-within:border-note", button: "note", Icon: Lock },
} as const;

/** Where one answers the customer or leaves a note for colleagues; the two differ in colour, label and button. */
export function Composer({ ticket, session }: { ticket: TicketRow; session: Session }) {
  const { t } = useTranslation();
  const field = useRef<HTMLTextAreaElement>(null);
  const panel = useId();
  const { draft, text, setKind, write, reread, clear, isKept } = useDraft(session.account_id, ticket.id);
  const thread = useQuery(messagesQuery(ticket.id));
  const version = thread.data?.thread_version ?? null;
  const send = useSend(ticket.id, clear);
  const kind = draft.kind;
  const look = LOOKS[kind];
  const isConflict = slugOf(send.error) === "stale-thread";

  const begin = (next: DraftKind) => {
    setKind(next);
    field.current?.focus();
  };
  const isClosed = ticket.status === "closed";
  useCommand("reply", "r", () => begin("reply"), !isClosed);
  useCommand("note", "n", () => begin("note"), !isClosed);

  const submit = (expectedVersion = draft.seen ?? version) => {
    if (text.trim() !== "" && !send.isPending) {
      send.mutate({ kind, text: text.trim(), expectedVersion });
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      submit();
    }
    if (event.key === "Escape") {
      event.stopPropagation();
      field.current?.blur();
    }
  };

  if (isClosed) {
    return <p className="border-t border-line px-6 py-4 text-sm text-ink-soft">{t("composer.closed")}</p>;
  }
  return (
    <section aria-label={t("composer.label")} className="border-t border-line px-4 py-3 lg:px-6">
      <div className={`mx-auto flex max-w-180 flex-col rounded-lg border ${look.box}`}>
        <ComposerTabs kind={kind} panel={panel} onChange={setKind} />
        <div role="tabpanel" id={panel} aria-labelledby={`${panel}-${kind}`} className="flex flex-col">
          <textarea
            ref={field}
            dir="auto"
            rows={3}
            value={text}
            readOnly={send.isPending}
            onChange={(event) => write(event.target.value, version)}
            onKeyDown={onKeyDown}
            aria-label={t(`composer.${kind}`)}
            placeholder={
              kind === "reply" ? t("composer.replyTo", { name: ticket.requester.name }) : t("composer.noteHint")
            }
            className="field-sizing-content max-h-60 min-h-20 resize-none bg-transparent px-4 py-2 text-base outline-none placeholder:text-ink-faint"
          />
        </div>
        <ComposerProblem
          error={send.error}
          isKept={isKept}
          onSendAnyway={
            isConflict
              ? () => {
                  reread(version);
                  submit(version);
                }
              : undefined
          }
        />
        <div className="flex items-center justify-between gap-2 p-2 ps-4 max-md:justify-end">
          <span className="text-xs text-ink-faint max-md:hidden">{t("composer.shortcut")}</span>
          <Button look={look.button} onClick={() => submit()} disabled={text.trim() === "" || send.isPending}>
            <look.Icon aria-hidden className="size-4 rtl:-scale-x-100" />
            {send.isPending
              ? t("composer.sending")
              : kind === "reply"
                ? t("composer.sendReply")
                : t("composer.addNote")}
          </Button>
        </div>
      </div>
      <div role="status" className="sr-only">
        {send.isSuccess && (send.variables.kind === "reply" ? t("composer.sent") : t("composer.added"))}
      </div>
    </section>
  );
}
