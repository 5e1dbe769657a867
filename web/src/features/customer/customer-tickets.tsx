import { useTranslation } from "react-i18next";
import { OtherTicket } from "@/features/links/links-section.tsx";
import { PanelSection } from "@/features/ticket/property.tsx";
import { StatusBadge } from "@/features/ticket/status-badge.tsx";
import type { CustomerOverview, TicketRow } from "@/lib/api/types.ts";
import { formatWhen } from "@/lib/format.ts";

const OPEN = ["new", "open", "pending", "on_hold"];

interface CustomerTicketsProps {
  tickets: CustomerOverview["tickets"];
  organisation: string | null;
  ofOrganisation: readonly TicketRow[];
  openId: string;
}

/** What else the customer, and others of the same organisation, have written about. */
export function CustomerTickets({ tickets, organisation, ofOrganisation, openId }: CustomerTicketsProps) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const others = tickets.newest.filter((ticket) => ticket.id !== openId);
  const open = OPEN.reduce((sum, status) => sum + (tickets.by_status[status] ?? 0), 0);
  return (
    <>
      <PanelSection
        title={t("panel:customer.tickets")}
        action={
          <span className="text-xs text-ink-soft tabular-nums">
            {t("panel:customer.open", { number: new Intl.NumberFormat(i18n.language).format(open) })}
          </span>
        }
      >
        {others.length === 0 ? (
          <p className="text-sm text-ink-faint">{t("panel:customer.noOther")}</p>
        ) : (
          <Rows rows={others} />
        )}
      </PanelSection>
      {organisation !== null && ofOrganisation.length > 0 && (
        <PanelSection title={t("panel:customer.ofOrganisation", { name: organisation })}>
          <Rows rows={ofOrganisation} />
        </PanelSection>
      )}
    </>
  );
}

function Rows({ rows }: { rows: readonly TicketRow[] }) {
  const { i18n } = useTranslation();
  return (
    <ul className="flex flex-col gap-2">
      {rows.map((ticket) => (
        <li key={ticket.id}>
          <OtherTicket id={ticket.id} number={ticket.number} subject={ticket.subject} />
          <p className="flex items-center gap-2 text-xs text-ink-faint">
            <StatusBadge status={ticket.status} />
            <time dateTime={ticket.updated_at}>{formatWhen(ticket.updated_at, i18n.language, Date.now())}</time>
          </p>
        </li>
      ))}
    </ul>
  );
}
