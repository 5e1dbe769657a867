import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { UserRoundSearch } from "lucide-react";
import { useTranslation } from "react-i18next";
import { reviewMoved } from "@/features/inbox/list-query.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import { ApiError } from "@/lib/api/problem.ts";
import type { Ticket, TicketReview } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { keepTicket, ticketKeys, ticketQuery } from "./queries.ts";

/** Why a ticket's first message was kept apart from the ticket it names, and both ways to decide about it. */
export function ReviewBanner({ ticket, review }: { ticket: Ticket; review: TicketReview }) {
  const { t } = useTranslation(["ticket", "desk"]);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const other = useQuery(ticketQuery(review.ticket_id));
  const decide = useMutation({
    mutationFn: async (decision: "join" | "separate"): Promise<Ticket> =>
      answer(
        tickets.POST("/api/tickets/{ticket_id}/review", {
          params: { path: { ticket_id: ticket.id } },
          body: { decision },
        }),
      ),
    onSuccess: (shown) => {
      keepTicket(queryClient, shown);
      reviewMoved(queryClient);
      // Joined, it goes on where it belongs.
      if (shown.id !== ticket.id) {
        void navigate({ to: ".", search: (search) => ({ ...search, ticket: shown.id }) });
      }
    },
    onSettled: (shown) => {
      for (const id of new Set([ticket.id, shown?.id ?? ticket.id])) {
        void queryClient.invalidateQueries({ queryKey: ticketKeys.one(id) });
      }
    },
  });

  return (
    <section
      aria-label={t("review.title")}
      className="flex flex-col gap-2 border-b border-line bg-warn-soft px-4 py-3 text-sm text-warn lg:px-6"
    >
      <p className="flex gap-2">
        <UserRoundSearch aria-hidden className="mt-0.5 size-4 shrink-0" />
        <span className="min-w-0">
          {t(`review.reason.${review.reason}`)}{" "}
          <Link to="." search={(search) => ({ ...search, ticket: review.ticket_id })} className="font-medium underline">
            {other.data ? (
              <>
                <span className="tabular-nums">#{other.data.number}</span> <bdi>{other.data.subject}</bdi>
              </>
            ) : (
              t("review.other")
            )}
          </Link>
        </span>
      </p>
      <div className="flex flex-wrap gap-2">
        <Button onClick={() => decide.mutate("join")} disabled={decide.isPending}>
          {t("review.join")}
        </Button>
        <Button onClick={() => decide.mutate("separate")} disabled={decide.isPending}>
          {t("review.separate")}
        </Button>
      </div>
      <div role="alert" className="text-bad empty:hidden">
        {decide.error && (decide.error instanceof ApiError ? decide.error.message : t("desk:ticket.notSaved"))}
      </div>
    </section>
  );
}
