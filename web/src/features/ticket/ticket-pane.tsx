import { useQuery } from "@tanstack/react-query";
import { CloudOff, SearchX } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { statusOf } from "@/lib/api/problem.ts";
import type { Session } from "@/lib/api/types.ts";
import { Notice } from "@/ui/notice.tsx";
import { Composer } from "./composer.tsx";
import { ticketQuery } from "./queries.ts";
import { Thread } from "./thread.tsx";
import { TicketHeader } from "./ticket-header.tsx";
import { TicketSkeleton } from "./ticket-skeleton.tsx";

interface TicketPaneProps {
  id: string;
  session: Session;
  onClose: () => void;
}

/** One ticket: what it is, what was said, and where to answer. */
export default function TicketPane({ id, session, onClose }: TicketPaneProps) {
  const { t } = useTranslation();
  const ticket = useQuery(ticketQuery(id));
  useCommand("close", "Escape", onClose);

  if (ticket.data !== undefined) {
    return (
      <>
        <TicketHeader ticket={ticket.data} session={session} onClose={onClose} />
        <Thread ticketId={id} />
        <Composer ticket={ticket.data} session={session} />
      </>
    );
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
