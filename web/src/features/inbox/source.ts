import { answer, tickets } from "@/lib/api/client.ts";
import type { Count, FoundTicket, SearchOrder, Sort, TicketRow } from "@/lib/api/types.ts";
import { hasWords } from "./tokens.ts";
import { isStandard, STANDARD, type StandardView } from "./views.ts";

/** Which tickets a list shows, and in which order. */
export type Source =
  | { kind: "standard"; view: StandardView; sort: Sort }
  | { kind: "kept"; id: string }
  | { kind: "fields"; q: string; sort: Sort }
  | { kind: "words"; q: string; sort: SearchOrder };

/** A row, and where the words stand in it that were searched for. */
export type ListRow = TicketRow & { found?: Pick<FoundTicket, "subject" | "excerpt"> };

/** Some rows of a list, from `offset` on. Of a search for words `next` leads on. */
export interface Window {
  offset: number;
  limit: number;
  items: ListRow[];
  total: Count;
  next: string | null;
  corrected: { written: string; searched: string[] }[];
}

export const SORTS: readonly Sort[] = ["-created_at", "created_at", "-updated_at", "updated_at", "sla_due"];
export const ORDERS: readonly SearchOrder[] = ["relevance", "newest"];
export const DEFAULT_SORT: Sort = "-created_at";

/** What a page of this address lists. A sort that this list does not have is as if it were not there. */
export function sourceOf(view: string, q = "", sort = ""): Source {
  const known = SORTS.find((each) => each === sort) ?? DEFAULT_SORT;
  if (q !== "") {
    return hasWords(q)
      ? { kind: "words", q, sort: ORDERS.find((each) => each === sort) ?? "relevance" }
      : { kind: "fields", q, sort: known };
  }
  return isStandard(view) ? { kind: "standard", view, sort: known } : { kind: "kept", id: view };
}

/** Where days begin for whoever is looking. */
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Rows of a list. A search for words knows no places: it goes on from `next` of what was read before. */
export async function readWindow(
  source: Source,
  { offset, limit, next, signal }: { offset: number; limit: number; next?: string | null; signal?: AbortSignal },
): Promise<Window> {
  const init = signal ? { signal } : {};
  if (source.kind === "words") {
    const query = { q: source.q, zone: ZONE, sort: source.sort, limit, ...(next && { cursor: next }) };
    const page = await answer(tickets.GET("/api/tickets/search", { params: { query }, ...init }));
    const items = page.items.map(({ ticket, subject, excerpt }) => ({ ...ticket, found: { subject, excerpt } }));
    const more = page.next_cursor ?? null;
    const total = { count: offset + items.length, exactness: more === null ? "exact" : "at_least" } as const;
    return { offset, limit, items, total, next: more, corrected: page.corrected ?? [] };
  }
  const range = { offset, limit, zone: ZONE };
  const window =
    source.kind === "kept"
      ? await answer(
          tickets.GET("/api/views/{view_id}/window", {
            params: { path: { view_id: source.id }, query: range },
            ...init,
          }),
        )
      : await answer(
          tickets.GET("/api/tickets/window", {
            params: { query: { ...range, ...filterOf(source), sort: source.sort } },
            ...init,
          }),
        );
  return { offset, limit, items: window.items, total: window.total, next: null, corrected: [] };
}

function filterOf(source: Extract<Source, { kind: "standard" | "fields" }>) {
  return source.kind === "standard" ? STANDARD[source.view].filter : { where: source.q };
}
