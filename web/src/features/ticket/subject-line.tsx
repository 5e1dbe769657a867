import { Pencil } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import type { Ticket } from "@/lib/api/types.ts";
import { useUnsaved } from "@/lib/unsaved.ts";
import type { TicketEdit } from "./use-ticket-edit.ts";

const MAX_LENGTH = 500;

/** What the ticket is about: read by default, a field once somebody wants to change it. */
export function SubjectLine({ ticket, edit }: { ticket: Ticket; edit: TicketEdit }) {
  const { t } = useTranslation(["desk", "panel"]);
  const [written, setWritten] = useState<string | null>(null);
  // What is written is upon this one, whatever others make of it meanwhile; null once they were told of.
  const [from, setFrom] = useState<Ticket | null>(null);
  // What was refused is there to be seen again, but takes the focus from nobody.
  const [isAsked, setAsked] = useState(false);
  const isLeft = useRef(false);
  const button = useRef<HTMLButtonElement>(null);
  useUnsaved(written !== null && written !== ticket.subject);
  const canEdit = ticket.status !== "closed";
  const begin = () => {
    isLeft.current = false;
    setAsked(true);
    if (written === null) {
      setWritten(ticket.subject);
      setFrom(ticket);
    }
  };
  useCommand({
    id: "ticket:subject",
    group: "ticket",
    label: t("panel:command.subject"),
    run: begin,
    enabled: canEdit,
  });

  const leave = () => {
    // An element that goes may tell that it lost the focus.
    isLeft.current = true;
    setWritten(null);
  };
  const save = async () => {
    if (isLeft.current || written === null) {
      return;
    }
    leave();
    const subject = written.trim();
    const before = from ?? ticket;
    if (subject !== "" && subject !== before.subject && !(await edit.set({ subject }, { subject }, before))) {
      isLeft.current = false;
      setFrom(null);
      setAsked(false);
      setWritten((now) => now ?? written);
    }
  };
  // The button comes back with the next render.
  const focusButton = () => requestAnimationFrame(() => button.current?.focus());
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Enter" && !event.nativeEvent.isComposing) {
      event.preventDefault();
      void save();
      focusButton();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      leave();
      focusButton();
    }
  };

  if (written !== null) {
    return (
      <input
        // biome-ignore lint/a11y/noAutofocus: asked for by whoever wants to write here
        autoFocus={isAsked}
        dir="auto"
        aria-label={t("panel:subject.label")}
        maxLength={MAX_LENGTH}
        value={written}
        onChange={(event) => setWritten(event.target.value)}
        onFocus={(event) => event.target.select()}
        onKeyDown={onKeyDown}
        onBlur={() => void save()}
        className="h-8 w-full min-w-0 rounded-sm border border-control bg-surface px-2 text-lg font-semibold"
      />
    );
  }
  return (
    <div className="group flex items-start gap-1">
      <h2 dir="auto" className="page-start min-w-0 text-lg font-semibold break-words">
        {ticket.subject || t("ticket.noSubject")}
      </h2>
      {canEdit && (
        <span className="opacity-0 transition-opacity group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100">
          <button
            ref={button}
            type="button"
            aria-label={t("panel:subject.edit")}
            onClick={begin}
            className="grid size-6 place-items-center rounded-sm text-ink-faint hover:bg-hover hover:text-ink"
          >
            <Pencil aria-hidden className="size-3.5" />
          </button>
        </span>
      )}
    </div>
  );
}
