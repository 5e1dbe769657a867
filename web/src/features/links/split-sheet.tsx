import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { messagesQuery } from "@/features/ticket/queries.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import { statusOf } from "@/lib/api/problem.ts";
import type { Message, Ticket } from "@/lib/api/types.ts";
import { formatWhen } from "@/lib/format.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { OpenButton } from "./open-button.tsx";
import { refresh } from "./queries.ts";

const EXCERPT = 60;

interface SplitSheetProps {
  ticket: { id: string };
  /** The message to begin with; null for the customer's newest. */
  messageId: string | null;
  onClose: () => void;
}

/** Opens a ticket of its own for a message that is another matter. */
export default function SplitSheet({ ticket, messageId, onClose }: SplitSheetProps) {
  const { t, i18n } = useTranslation(["links", "desk"]);
  const queryClient = useQueryClient();
  const thread = useQuery(messagesQuery(ticket.id));
  const theirs = (thread.data?.items ?? []).filter((message) => message.kind === "customer");
  const split = useMutation({
    mutationFn: async (form: FormData): Promise<Ticket> => {
      const subject = String(form.get("subject")).trim();
      const message_id = String(form.get("message"));
      const message = theirs.find((each) => each.id === message_id);
      return answer(
        tickets.POST("/api/tickets/{ticket_id}/split", {
          // What a merged ticket brought is split off there.
          params: { path: { ticket_id: message?.ticket_id ?? ticket.id } },
          body: { message_id, following: form.has("following"), ...(subject && { subject }) },
        }),
      );
    },
    onSuccess: () => refresh(queryClient, [ticket.id]),
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    split.mutate(new FormData(event.currentTarget));
  };
  const name = ({ author, added_at, text }: Message) =>
    `${author.name}, ${formatWhen(added_at, i18n.language, Date.now())}: ${text.slice(0, EXCERPT)}`;

  if (split.data) {
    return (
      <Sheet title={t("split.title")} isOpen onClose={onClose}>
        <p role="status" className="text-sm">
          {t("split.done", { number: split.data.number })}
        </p>
        <div className="flex flex-wrap justify-end gap-2">
          <OpenButton ticket={split.data} onOpen={onClose} />
          <Button look="primary" onClick={onClose}>
            {t("merge.close")}
          </Button>
        </div>
      </Sheet>
    );
  }
  return (
    <Sheet title={t("split.title")} isOpen onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <p className="text-sm text-ink-soft">{t("split.hint")}</p>
        {theirs.length === 0 ? (
          <p className="text-sm">{thread.isPending ? t("desk:common.loading") : t("split.none")}</p>
        ) : (
          <>
            <ChoiceField
              label={t("split.message")}
              name="message"
              dir="auto"
              defaultValue={messageId ?? theirs.at(-1)?.id}
            >
              {theirs.map((message) => (
                <option key={message.id} value={message.id}>
                  {name(message)}
                </option>
              ))}
            </ChoiceField>
            <Field label={t("split.subject")} hint={t("split.subjectHint")} name="subject" dir="auto" maxLength={500} />
            <label className="flex items-start gap-2 text-sm">
              <input type="checkbox" name="following" className="mt-0.5 size-4 shrink-0" />
              {t("split.following")}
            </label>
          </>
        )}
        <div role="alert" className="text-sm text-bad empty:hidden">
          {split.error && (statusOf(split.error) === 403 ? t("desk:ticket.forbidden") : t("failed"))}
        </div>
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("cancel")}</Button>
          {theirs.length > 0 && (
            <Button look="primary" type="submit" disabled={split.isPending}>
              {t("split.submit")}
            </Button>
          )}
        </div>
      </form>
    </Sheet>
  );
}
