import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { ticketKeys } from "@/features/ticket/queries.ts";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Link, Merge, TicketRow } from "@/lib/api/types.ts";

/** So many links and merges of a ticket are shown. */
const SHOWN = 100;
const FOUND = 10;

export function linksQuery(id: string) {
  return queryOptions({
    queryKey: [...ticketKeys.links(id), "links"] as const,
    queryFn: async ({ signal }): Promise<Link[]> => {
      const params = { path: { ticket_id: id }, query: { limit: SHOWN } };
      return (await answer(tickets.GET("/api/tickets/{ticket_id}/links", { params, signal }))).items;
    },
  });
}

/** What was merged into a ticket, also what was undone, the newest first. */
export function mergesQuery(id: string) {
  return queryOptions({
    queryKey: [...ticketKeys.links(id), "merges"] as const,
    queryFn: async ({ signal }): Promise<Merge[]> => {
      const params = { path: { ticket_id: id }, query: { limit: SHOWN } };
      return (await answer(tickets.GET("/api/tickets/{ticket_id}/merges", { params, signal }))).items;
    },
  });
}

/** Tickets by what somebody writes to find one: a number, or words. */
export function foundQuery(text: string) {
  const number = /^#?(\d+)$/.exec(text)?.[1];
  return queryOptions({
    queryKey: ["tickets", "found", text] as const,
    queryFn: async ({ signal }): Promise<TicketRow[]> => {
      const query = { q: number ? `number:${number}` : text, limit: FOUND };
      return (await answer(tickets.GET("/api/tickets/search", { params: { query }, signal }))).items.map(
        (found) => found.ticket,
      );
    },
    enabled: text !== "",
    staleTime: 10_000,
  });
}

/** What a ticket is about: the beginning of its first message. */
export function beginningQuery(id: string) {
  return queryOptions({
    queryKey: [...ticketKeys.one(id), "beginning"] as const,
    queryFn: async ({ signal }): Promise<string> => {
      const params = { path: { ticket_id: id }, query: { limit: 1 } };
      const page = await answer(tickets.GET("/api/tickets/{ticket_id}/messages", { params, signal }));
      return page.items[0]?.text.slice(0, 300) ?? "";
    },
  });
}

/** Asks again for all that is shown of these tickets: what joins or parts them moves both. */
export function refresh(queryClient: QueryClient, ids: readonly string[]): void {
  for (const id of ids) {
    void queryClient.invalidateQueries({ queryKey: ticketKeys.one(id) });
  }
}
