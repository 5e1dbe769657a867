import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Status, Ticket } from "@/lib/api/types.ts";
import { Select } from "@/ui/select.tsx";
import { lifecycleQuery, statusName } from "./settings.ts";
import type { TicketEdit } from "./use-ticket-edit.ts";

/** Where the ticket stands, and where it may go from here. */
export function StatusSelect({ ticket, edit }: { ticket: Ticket; edit: TicketEdit }) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const lifecycle = useQuery(lifecycleQuery);
  const own = lifecycle.data?.statuses ?? [];
  const reachable = (category: Status) => category === ticket.status || ticket.allowed_statuses.includes(category);
  const choices = own.filter((status) => status.active !== false && reachable(status.category));
  const name = (status: { key: string; category: Status; labels: Record<string, string> }) =>
    statusName(t, status, status.category, i18n.language);
  const current = { key: ticket.status_key, category: ticket.status, labels: ticket.status_labels };
  // The present one stands there even if nobody can be put into it any more.
  const shown = choices.some((status) => status.key === current.key) ? choices : [current, ...choices];
  return (
    <Select
      label={t("ticket.status")}
      value={ticket.status_key}
      choices={shown.map((status) => ({ id: status.key, label: name(status) }))}
      onChange={(key) => {
        const to = own.find((status) => status.key === key);
        if (to && key !== ticket.status_key) {
          edit.set({ status_key: key }, { status: to.category, status_key: key, status_labels: to.labels });
        }
      }}
      isDisabled={ticket.status === "closed"}
    />
  );
}
