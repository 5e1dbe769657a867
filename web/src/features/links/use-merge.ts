import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { keepTicket } from "@/features/ticket/queries.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import { slugOf, statusOf } from "@/lib/api/problem.ts";
import type { Ticket } from "@/lib/api/types.ts";
import { useAttempt } from "@/lib/use-attempt.ts";
import { refresh } from "./queries.ts";

export interface Pair {
  source: string;
  target: string;
}

/** Makes one ticket part of another. */
export function useMerge() {
  const queryClient = useQueryClient();
  const keyed = useAttempt();
  return useMutation({
    mutationFn: async ({ source, target, acrossCustomers }: Pair & { acrossCustomers: boolean }): Promise<Ticket> => {
      const body = { sources: [source], across_customers: acrossCustomers };
      return keyed([target, body], (key) => {
        const params = { path: { ticket_id: target }, header: { "idempotency-key": key } };
        return answer(tickets.POST("/api/tickets/{ticket_id}/merges", { params, body }));
      });
    },
    onSuccess: (ticket) => keepTicket(queryClient, ticket),
    onSettled: (_ticket, _error, { source, target }) => refresh(queryClient, [source, target]),
  });
}

/** Takes a merge back. */
export function useUnmerge() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async ({ source, target }: Pair): Promise<Ticket> => {
      const params = { path: { ticket_id: target, source_id: source } };
      return answer(tickets.DELETE("/api/tickets/{ticket_id}/merges/{source_id}", { params }));
    },
    onSuccess: (ticket) => keepTicket(queryClient, ticket),
    onSettled: (_ticket, _error, { source, target }) => refresh(queryClient, [source, target]),
  });
}

/** Why tickets were not joined or parted. */
export function mergeProblem(t: TFunction<["links", "desk"]>, error: Error): string {
  switch (slugOf(error)) {
    case "already-merged":
      return t("merge.already");
    case "ticket-closed":
      return t("merge.closed");
    case "too-many-merged":
      return t("merge.tooMany");
    case "merged-on":
      return t("merge.mergedOn");
  }
  return statusOf(error) === 403 ? t("desk:ticket.forbidden") : t("failed");
}
