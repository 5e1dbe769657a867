import { queryOptions } from "@tanstack/react-query";
import { ticketKeys } from "@/features/ticket/queries.ts";
import { answer, sla } from "@/lib/api/client.ts";
import type { TicketClocks } from "@/lib/api/types.ts";

/** Every clock of a ticket with what it counted, so that its deadline can be checked. */
export function clocksQuery(id: string) {
  return queryOptions({
    queryKey: ticketKeys.clocks(id),
    queryFn: async ({ signal }): Promise<TicketClocks> =>
      answer(sla.GET("/api/sla/tickets/{ticket_id}", { params: { path: { ticket_id: id } }, signal })),
    staleTime: 0,
  });
}
