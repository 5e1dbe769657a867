import { useQuery } from "@tanstack/react-query";
import { CloudOff, SearchX } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { IncidentsBanner } from "@/features/links/incidents-banner.tsx";
import { MergedBanner } from "@/features/links/merged-banner.tsx";
import { Presence } from "@/features/presence/presence.tsx";
import { statusOf } from "@/lib/api/problem.ts";
import type { Session, Ticket } from "@/lib/api/types.ts";
import { Notice } from "@/ui/notice.tsx";
import { Composer } from "./composer.tsx";
import { attend } from "./failures.ts";
import { HeldSheet } from "./held-sheet.tsx";
import { OfferedRequester } from "./offered-requester.tsx";
import { ticketQuery } from "./queries.ts";
import { ReviewBanner } from "./review-banner.tsx";
import { SidePanel } from "./side-panel.tsx";
import { Thread } from "./thread.tsx";
import { TicketHeader } from "./ticket-header.tsx";
import { TicketSkeleton } from "./ticket-skeleton.tsx";
import { usePanel } from "./use-panel.ts";
import { useTicketEdit } from "./use-ticket-edit.ts";

interface TicketPaneProps {
  id: string;
  session: Session;
  onClose: () => void;
}

/** One ticket: what it is, what was said, and where to answer. */
export default function TicketPane({ id, session, onClose }: TicketPaneProps) {
  const { t } = useTranslation();
  const ticket = useQuery(ticketQuery(id));
  useCommand({ id: "close", group: "list", key: "Escape", run: onClose });

  if (ticket.data !== undefined) {
    return <OpenTicket ticket={ticket.data} session={session} onClose={onClose} />;
  }
  if (ticket.isError) {
    const isGone = statusOf(ticket.error) === 404;
    return isGone ? (
      <Notice icon={<SearchX aria-hidden className="size-6" />} title={t("ticket.notFound")} />
    ) : (
      <Notice
        isError
        icon={<CloudOff aria-hidden className="size-6" />}
        title={t("ticket.error")}
        onRetry={() => void ticket.refetch()}
      />
    );
  }
  return <TicketSkeleton />;
}

function OpenTicket({ ticket, session, onClose }: { ticket: Ticket; session: Session; onClose: () => void }) {
  const edit = useTicketEdit(ticket);
  const panel = usePanel();
  useEffect(() => attend(ticket.id), [ticket.id]);
  const isSolved = ticket.status === "solved" || ticket.status === "closed";
  return (
    <>
      <TicketHeader ticket={ticket} session={session} edit={edit} panel={panel} onClose={onClose} />
      {ticket.review && <ReviewBanner ticket={ticket} review={ticket.review} />}
      <OfferedRequester ticket={ticket} />
      {ticket.merged_into && <MergedBanner ticket={ticket} into={ticket.merged_into} />}
      {isSolved && ticket.open_incidents > 0 && <IncidentsBanner ticket={ticket} />}
      <div className="flex min-h-0 flex-1">
        <div className="flex min-h-0 min-w-0 flex-1 flex-col">
          <Thread ticketId={ticket.id} />
          <Presence ticketId={ticket.id} />
          <Composer ticket={ticket} session={session} />
        </div>
        <SidePanel ticket={ticket} session={session} edit={edit} panel={panel} />
      </div>
      {edit.held && <HeldSheet ticket={ticket} edit={edit} held={edit.held} />}
    </>
  );
}
