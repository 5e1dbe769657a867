import { CalendarClock, ChevronDown, Lock, Send, Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import type { Status, Ticket } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Menu, MenuItem } from "@/ui/menu.tsx";
import { SendLaterSheet } from "./send-later-sheet.tsx";
import { chooseUndoSeconds, UNDO_SECONDS, undoSeconds } from "./undo-setting.ts";
import type { Composing } from "./use-composer.ts";

const WITH_REPLY = ["open", "pending", "on_hold", "solved"] as const satisfies readonly Status[];

/** Sends what was written: a note to colleagues; a reply now, with another status, or later. */
export function SendButton({ ticket, composing }: { ticket: Ticket; composing: Composing }) {
  const { t } = useTranslation(["ticket", "desk"]);
  const { draft, canSend, isSending, submit } = composing;
  const [isLater, setLater] = useState(false);
  const [undo, setUndo] = useState(undoSeconds);
  const isReply = draft.kind === "reply";
  const statuses = WITH_REPLY.filter((status) => ticket.allowed_statuses.includes(status));
  const later = () => setLater(true);
  useCommand({ id: "ticket:later", group: "ticket", label: t("later.send"), run: later, enabled: isReply && canSend });

  if (!isReply) {
    return (
      <Button look="note" onClick={() => void submit()} disabled={!canSend}>
        <Lock aria-hidden className="size-4" />
        {isSending ? t("composer.sending") : t("composer.addNote")}
      </Button>
    );
  }
  const nextUndo = UNDO_SECONDS[(UNDO_SECONDS.indexOf(undo) + 1) % UNDO_SECONDS.length] ?? 0;
  return (
    <span className="flex items-center gap-1">
      <Button look="primary" onClick={() => void submit()} disabled={!canSend}>
        <Send aria-hidden className="size-4 rtl:-scale-x-100" />
        {isSending ? t("composer.sending") : t("composer.sendReply")}
      </Button>
      <Menu label={t("send.more")} trigger={<ChevronDown aria-hidden className="size-4" />}>
        {statuses.map((status) => (
          <MenuItem
            key={status}
            label={t("send.with", { status: t(`desk:status.${status}`) })}
            isDisabled={!canSend}
            onAction={() => void submit({ status })}
          />
        ))}
        <MenuItem
          label={t("later.send")}
          icon={<CalendarClock aria-hidden className="size-4 text-ink-soft" />}
          isDisabled={!canSend}
          onAction={later}
        />
        <MenuItem
          label={nextUndo === 0 ? t("send.undoNever") : t("send.undoAfter", { count: nextUndo })}
          icon={<Undo2 aria-hidden className="size-4 text-ink-soft rtl:-scale-x-100" />}
          onAction={() => {
            chooseUndoSeconds(nextUndo);
            setUndo(nextUndo);
          }}
        />
      </Menu>
      {isLater && (
        <SendLaterSheet
          at={null}
          onClose={() => setLater(false)}
          onChoose={(sendAt, onlyIfUnanswered) => {
            setLater(false);
            void submit({ sendAt, onlyIfUnanswered });
          }}
        />
      )}
    </span>
  );
}
