import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Forward } from "lucide-react";
import { useTranslation } from "react-i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import type { NewRequester, Ticket } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { editProblem } from "./edit-problems.ts";
import { keepTicket, ticketKeys } from "./queries.ts";

/** Who wrote what was forwarded to open the ticket, and whom it is for: them, or still who forwarded it. */
export function OfferedRequester({ ticket }: { ticket: Ticket }) {
  const { t, i18n } = useTranslation(["ticket", "desk"]);
  const { t: desk } = useTranslation(["desk", "panel"]);
  const queryClient = useQueryClient();
  const give = useMutation({
    mutationFn: async (requester: NewRequester): Promise<Ticket> => {
      const params = { path: { ticket_id: ticket.id }, header: { "if-match": `"${ticket.version}"` } };
      return answer(tickets.POST("/api/tickets/{ticket_id}/requester", { params, body: requester }));
    },
    onSuccess: (given) => keepTicket(queryClient, given),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ticketKeys.one(ticket.id) }),
  });
  const offered = ticket.forwarded_from;
  if (offered === null || ticket.status === "closed") {
    return null;
  }
  const { kind, address, name } = offered;
  return (
    <section
      aria-label={t("forwarded.title")}
      className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line bg-canvas px-4 py-2 text-sm lg:px-6"
    >
      <Forward aria-hidden className="size-4 shrink-0 text-ink-faint rtl:-scale-x-100" />
      <p className="min-w-0 flex-1 basis-64 break-words">
        {t("forwarded.by")} <bdi className="font-medium">{name ? `${name} <${address}>` : address}</bdi>
      </p>
      <div className="flex min-w-0 flex-wrap gap-2">
        <Button
          onClick={() => give.mutate({ [kind === "phone" ? "phone" : "email"]: address, name })}
          disabled={give.isPending}
        >
          <span className="max-w-[60vw] truncate md:max-w-80">
            {t("forwarded.make", { who: `\u2068${address}\u2069` })}
          </span>
        </Button>
        <Button
          onClick={() => give.mutate({ customer_id: ticket.requester.customer_id, name: "" })}
          disabled={give.isPending}
        >
          {t("forwarded.keep")}
        </Button>
      </div>
      <div role="alert" className="w-full text-bad empty:hidden">
        {give.error && editProblem(give.error, { t: desk, locale: i18n.language, agents: [] })}
      </div>
    </section>
  );
}
