import { useTranslation } from "react-i18next";
import { LinksSection } from "@/features/links/links-section.tsx";
import { ClocksPopover } from "@/features/sla/clocks-popover.tsx";
import type { Session, Ticket } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { OwnFields } from "./own-fields.tsx";
import { PanelSection } from "./property.tsx";
import { RoutingPopover } from "./routing-popover.tsx";
import { TicketFields } from "./ticket-fields.tsx";
import { useFollow } from "./use-follow.ts";
import type { TicketEdit } from "./use-ticket-edit.ts";

interface DetailsPanelProps {
  ticket: Ticket;
  session: Session;
  edit: TicketEdit;
}

/** What the ticket is in full: its fields, its links, who follows it, and why it is here and due. */
export function DetailsPanel({ ticket, session, edit }: DetailsPanelProps) {
  const { t } = useTranslation(["desk", "panel"]);
  return (
    <>
      <PanelSection title={t("ticket.label")}>
        <TicketFields ticket={ticket} edit={edit} />
        <div className="-mx-3 flex flex-wrap">
          <RoutingPopover ticketId={ticket.id} />
          <ClocksPopover ticketId={ticket.id} />
        </div>
      </PanelSection>
      <OwnFields ticket={ticket} edit={edit} />
      <LinksSection ticket={ticket} />
      <Followers ticket={ticket} session={session} />
    </>
  );
}

function Followers({ ticket, session }: { ticket: Ticket; session: Session }) {
  const { t } = useTranslation(["desk", "panel"]);
  const follow = useFollow(ticket, session);
  return (
    <PanelSection
      title={t("panel:followers.title")}
      action={
        <Button look="quiet" onClick={follow.toggle} aria-pressed={follow.isFollowing}>
          {follow.isFollowing ? t("panel:followers.unfollow") : t("panel:followers.follow")}
        </Button>
      }
    >
      {ticket.followers.length === 0 ? (
        <p className="text-sm text-ink-faint">{t("panel:followers.nobody")}</p>
      ) : (
        <ul className="flex flex-col gap-1 text-sm">
          {ticket.followers.map((person) => (
            <li key={person.id}>
              <bdi>{person.id === session.account_id ? t("ticket.me", { name: person.name }) : person.name}</bdi>
            </li>
          ))}
        </ul>
      )}
      <div role="alert" className="text-sm text-bad empty:hidden">
        {follow.hasFailed && t("panel:followers.failed")}
      </div>
    </PanelSection>
  );
}
