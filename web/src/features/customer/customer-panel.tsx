import { useQuery } from "@tanstack/react-query";
import { CloudOff, UserRoundX } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useClock } from "@/features/sla/clock.ts";
import { PanelSection } from "@/features/ticket/property.tsx";
import { statusOf } from "@/lib/api/problem.ts";
import type { Customer } from "@/lib/api/types.ts";
import { formatExact, languageName } from "@/lib/format.ts";
import { Avatar } from "@/ui/avatar.tsx";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { Notice } from "@/ui/notice.tsx";
import { CustomerSheet } from "./customer-sheet.tsx";
import { CustomerTickets } from "./customer-tickets.tsx";
import { Facts } from "./facts.tsx";
import { customerQuery } from "./queries.ts";

interface CustomerPanelProps {
  customerId: string;
  /** The ticket that is open beside it. */
  ticketId: string;
}

/** Who the ticket is for, and what else there is of them. */
export function CustomerPanel({ customerId, ticketId }: CustomerPanelProps) {
  const { t } = useTranslation(["desk", "panel"]);
  const overview = useQuery(customerQuery(customerId));
  if (overview.data) {
    const { customer, tickets, organisation_tickets, facts } = overview.data;
    return (
      <>
        <Person customer={customer} />
        <CustomerTickets
          tickets={tickets}
          organisation={customer.organisation?.name ?? null}
          ofOrganisation={organisation_tickets}
          openId={ticketId}
        />
        <Facts facts={facts} />
      </>
    );
  }
  if (overview.isError) {
    return statusOf(overview.error) === 404 ? (
      <Notice icon={<UserRoundX aria-hidden className="size-6" />} title={t("panel:customer.gone")} />
    ) : (
      <Notice
        isError
        icon={<CloudOff aria-hidden className="size-6" />}
        title={t("panel:customer.error")}
        onRetry={() => void overview.refetch()}
      />
    );
  }
  return (
    <div role="status" aria-label={t("common.loading")} className="flex flex-col gap-3 p-4">
      <div className="shimmer h-7 w-3/5" />
      <div className="shimmer h-4 w-4/5" />
      <div className="shimmer h-24" />
    </div>
  );
}

function Person({ customer }: { customer: Customer }) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const [isEdited, setEdited] = useState(false);
  const name = customer.name || t("ticket.nameless");
  const facts = [
    [t("panel:customer.organisation"), customer.organisation?.name],
    [t("panel:customer.language"), customer.language && languageName(customer.language, i18n.language)],
    [t("panel:customer.region"), customer.region && regionName(customer.region, i18n.language)],
    [t("panel:customer.since"), formatExact(customer.created_at, i18n.language)],
    [t("panel:customer.notes"), customer.notes],
  ].filter((fact): fact is [string, string] => Boolean(fact[1]));
  return (
    <PanelSection
      title={t("panel:tabs.customer")}
      action={
        <Button look="quiet" onClick={() => setEdited(true)}>
          {t("panel:customer.edit")}
        </Button>
      }
    >
      <div className="flex items-center gap-3">
        <Avatar name={name} />
        <div className="min-w-0 flex-1">
          <p className="font-medium break-words">
            <bdi>{name}</bdi>
          </p>
          <p className="flex flex-wrap items-center gap-x-2 text-xs text-ink-soft">
            <Badge>
              <bdi>{customer.tier}</bdi>
            </Badge>
            {customer.time_zone && <LocalTime zone={customer.time_zone} />}
          </p>
        </div>
      </div>
      <ul aria-label={t("panel:customer.addresses")} className="flex flex-col gap-1 text-sm">
        {customer.identities.map(({ kind, address }) => (
          <li key={kind + address} className="flex min-w-0 items-baseline justify-between gap-3">
            <span dir="ltr" className="min-w-0 break-all">
              {address}
            </span>
            <span className="shrink-0 text-xs text-ink-faint">{t(`panel:customer.kind.${kind}`)}</span>
          </li>
        ))}
      </ul>
      <dl className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-x-2 gap-y-1 text-sm">
        {facts.map(([label, value]) => (
          <div key={label} className="contents">
            <dt className="text-xs leading-5 text-ink-soft">{label}</dt>
            <dd dir="auto" className="page-start break-words whitespace-pre-wrap">
              {value}
            </dd>
          </div>
        ))}
      </dl>
      {isEdited && <CustomerSheet customer={customer} onClose={() => setEdited(false)} />}
    </PanelSection>
  );
}

/** What time it is where the customer is: a call at night is answered by nobody. */
function LocalTime({ zone }: { zone: string }) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const time = useClock((now) => timeIn(zone, now, i18n.language));
  return time === "" ? null : <span>{t("panel:customer.time", { time })}</span>;
}

function timeIn(zone: string, now: number, locale: string): string {
  try {
    const format = new Intl.DateTimeFormat(locale, {
      weekday: "short",
      hour: "numeric",
      minute: "2-digit",
      timeZone: zone,
    });
    return format.format(now);
  } catch {
    return "";
  }
}

function regionName(code: string, locale: string): string {
  try {
    return new Intl.DisplayNames(locale, { type: "region" }).of(code) ?? code;
  } catch {
    return code;
  }
}
