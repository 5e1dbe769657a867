import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, ingestion } from "@/lib/api/client.ts";
import type { Mailbox, QuarantinedMail, Reconciliation } from "@/lib/api/types.ts";
import { type Days, moments } from "@/lib/period.ts";

/** The state of fetching moves by itself, and no socket tells of it. */
const LOOK_AGAIN_MS = 10_000;

export const mailKeys = {
  mailboxes: ["mail", "mailboxes"] as const,
  reconciliation: ["mail", "reconciliation"] as const,
  quarantine: ["mail", "quarantine"] as const,
  suppressions: ["mail", "suppressions"] as const,
};

/** All mailboxes, oldest first. */
export const mailboxesQuery = queryOptions({
  queryKey: mailKeys.mailboxes,
  queryFn: async ({ signal }): Promise<Mailbox[]> => {
    const items: Mailbox[] = [];
    let cursor: string | null | undefined;
    do {
      const query = { limit: 200, ...(cursor && { cursor }) };
      const page: { items: Mailbox[]; next_cursor?: string | null } = await answer(
        ingestion.GET("/api/channels/mailboxes", { params: { query }, signal }),
      );
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    return items;
  },
  refetchInterval: LOOK_AGAIN_MS,
});

export function reconciliationQuery(days: Days) {
  return queryOptions({
    queryKey: [...mailKeys.reconciliation, days] as const,
    queryFn: async ({ signal }): Promise<Reconciliation> =>
      answer(ingestion.GET("/api/channels/reconciliation", { params: { query: moments(days) }, signal })),
    staleTime: 0,
  });
}

export interface QuarantineFilter {
  reason?: string | undefined;
  q?: string | undefined;
}

export function quarantineQuery({ reason, q }: QuarantineFilter) {
  return infiniteQueryOptions({
    queryKey: [...mailKeys.quarantine, "list", reason ?? null, q ?? null] as const,
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: 50, ...(reason && { reason }), ...(q && { q }), ...(pageParam && { cursor: pageParam }) };
      return answer(ingestion.GET("/api/ingest/quarantine", { params: { query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    staleTime: 0,
  });
}

export const quarantineSummaryQuery = queryOptions({
  queryKey: [...mailKeys.quarantine, "summary"] as const,
  queryFn: async ({ signal }) => answer(ingestion.GET("/api/ingest/quarantine/summary", { signal })),
  staleTime: 0,
});

export function quarantinedQuery(id: string) {
  return queryOptions({
    queryKey: [...mailKeys.quarantine, "one", id] as const,
    queryFn: async ({ signal }): Promise<QuarantinedMail> =>
      answer(
        ingestion.GET("/api/ingest/quarantine/{quarantined_id}", { params: { path: { quarantined_id: id } }, signal }),
      ),
  });
}

export const suppressionsQuery = infiniteQueryOptions({
  queryKey: mailKeys.suppressions,
  queryFn: async ({ pageParam, signal }) => {
    const query = { limit: 50, ...(pageParam && { cursor: pageParam }) };
    return answer(ingestion.GET("/api/channels/suppressions", { params: { query }, signal }));
  },
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor ?? null,
});
