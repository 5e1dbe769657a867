import { queryOptions } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { CustomerOverview } from "@/lib/api/types.ts";

/** A customer at one glance. Under the tickets' key, as a resync makes it old, too. */
export function customerQuery(id: string) {
  return queryOptions({
    queryKey: ["tickets", "customer", id] as const,
    queryFn: async ({ signal }): Promise<CustomerOverview> =>
      answer(tickets.GET("/api/customers/{customer_id}/overview", { params: { path: { customer_id: id } }, signal })),
    staleTime: 10_000,
  });
}
