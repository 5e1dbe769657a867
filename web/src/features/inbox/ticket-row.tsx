import { memo } from "react";
import { useTranslation } from "react-i18next";
import { SlaBadge } from "@/features/sla/sla-badge.tsx";
import { PriorityMark } from "@/features/ticket/priority-mark.tsx";
import { StatusBadge } from "@/features/ticket/status-badge.tsx";
import type { Piece } from "@/lib/api/types.ts";
import { formatExact, formatWhen, languageName } from "@/lib/format.ts";
import type { ListRow } from "./source.ts";

/** What a row shows of a ticket: who, what, since when, how long there still is, and where it was found. */
export const TicketRow = memo(function TicketRow({ ticket }: { ticket: ListRow }) {
  const { t, i18n } = useTranslation();
  const when = ticket.last_message_at ?? ticket.created_at;
  return (
    <>
      <div className="flex items-baseline gap-2 text-xs text-ink-faint">
        <span className="min-w-0 flex-1 truncate text-sm text-ink-soft">
          <bdi>{ticket.requester.name || t("ticket.nameless")}</bdi>
        </span>
        <time dateTime={when} title={formatExact(when, i18n.language)} className="shrink-0 tabular-nums">
          {formatWhen(when, i18n.language, Date.now())}
        </time>
      </div>
      <div className="flex min-w-0 items-center gap-1.5">
        <PriorityMark priority={ticket.priority} />
        <span dir="auto" className="page-start min-w-0 flex-1 truncate font-medium">
          {ticket.found?.subject.length ? (
            <Marked pieces={ticket.found.subject} />
          ) : (
            ticket.subject || t("ticket.noSubject")
          )}
        </span>
      </div>
      {ticket.found?.excerpt && (
        <p dir="auto" className="page-start truncate text-sm text-ink-soft">
          <Marked pieces={ticket.found.excerpt.pieces} />
        </p>
      )}
      <div className="flex items-center gap-1.5 overflow-hidden text-xs text-ink-faint">
        <span className="shrink-0 tabular-nums">#{ticket.number}</span>
        <StatusBadge status={ticket.status} />
        <SlaBadge sla={ticket.sla} />
        {ticket.language && (
          <span className="shrink-0" title={languageName(ticket.language, i18n.language)}>
            <span aria-hidden>{ticket.language.toUpperCase()}</span>
            <span className="sr-only">{languageName(ticket.language, i18n.language)}</span>
          </span>
        )}
        <span className="min-w-0 flex-1 truncate text-end">
          <bdi>{ticket.assignee?.name ?? t("ticket.unassigned")}</bdi>
        </span>
      </div>
    </>
  );
});

/** A text in which is marked what was searched for. */
function Marked({ pieces }: { pieces: readonly Piece[] }) {
  return pieces.map((piece, place) =>
    piece.found ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one text never change places
      <mark key={place} className="rounded-sm bg-note-soft px-0.5 font-medium text-note">
        {piece.text}
      </mark>
    ) : (
      piece.text
    ),
  );
}
