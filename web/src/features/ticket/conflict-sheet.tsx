import { Clock } from "lucide-react";
import { useTranslation } from "react-i18next";
import { formatExact, formatWhen } from "@/lib/format.ts";
import { Button } from "@/ui/button.tsx";
import { Sheet } from "@/ui/popover.tsx";
import type { Conflict } from "./conflict.ts";

interface ConflictSheetProps {
  conflict: Conflict;
  onSendAnyway: () => void;
  onGoOn: () => void;
}

/** What was written while one wrote a reply, before it is sent all the same or written on. */
export function ConflictSheet({ conflict, onSendAnyway, onGoOn }: ConflictSheetProps) {
  const { t, i18n } = useTranslation("ticket");
  return (
    <Sheet title={t("conflict.title")} isOpen onClose={onGoOn}>
      <p className="text-sm text-ink-soft">{t("conflict.kept")}</p>
      <ol aria-label={t("conflict.missed")} className="flex max-h-80 flex-col gap-3 overflow-y-auto">
        {conflict.messages.map((message) => (
          <li
            key={message.id}
            className={`rounded-md border px-3 py-2 ${message.kind === "note" ? "border-note-line bg-note-soft" : "border-line bg-canvas"}`}
          >
            <p className="flex flex-wrap items-baseline gap-x-2 text-xs text-ink-faint">
              <bdi className="text-sm font-medium text-ink">
                {message.author.name || t(`thread.author.${message.author.kind}`)}
              </bdi>
              {message.kind !== "system" && t(`thread.kind.${message.kind}`)}
              <time dateTime={message.added_at}>{formatWhen(message.added_at, i18n.language, Date.now())}</time>
            </p>
            <p dir="auto" className="page-start line-clamp-6 pt-1 text-sm break-words whitespace-pre-wrap">
              {message.text}
            </p>
          </li>
        ))}
        {conflict.leaving.map((reply) => (
          <li key={reply.id} className="rounded-md border border-line bg-accent-soft px-3 py-2">
            <p className="flex flex-wrap items-center gap-x-2 text-xs text-ink-faint">
              <bdi className="text-sm font-medium text-ink">{reply.author.name}</bdi>
              <Clock aria-hidden className="size-3" />
              {t("conflict.leaving", { when: formatExact(reply.release_at, i18n.language) })}
            </p>
            <p dir="auto" className="page-start line-clamp-6 pt-1 text-sm break-words whitespace-pre-wrap">
              {reply.text}
            </p>
          </li>
        ))}
      </ol>
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onSendAnyway}>{t("conflict.sendAnyway")}</Button>
        <Button look="primary" onClick={onGoOn} autoFocus>
          {t("conflict.goOn")}
        </Button>
      </div>
    </Sheet>
  );
}
