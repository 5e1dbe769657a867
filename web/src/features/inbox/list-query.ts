import { type QueryClient, queryOptions } from "@tanstack/react-query";
import type { Digest } from "@/features/live/apply.ts";
import type { Session } from "@/lib/api/types.ts";
import type { Condition } from "@/lib/conditions.ts";
import { type List, withEvents, withWindow } from "./rows.ts";
import { type ListRules, rulesOf } from "./rules.ts";
import { readWindow, type Source } from "./source.ts";
import { STANDARD } from "./views.ts";
import { countsMoved, keptViews } from "./views-query.ts";

const WINDOW = 100;
/** After a loss of connection the rows in sight are fetched anew, with so many before them. */
const BEFORE = 50;
const LISTS = ["tickets", "list"] as const;

/** Where each list is being read, so that what is fetched anew is what somebody looks at. */
const readAt = new Map<string, number>();

export function reading(source: Source, place: number): void {
  readAt.set(JSON.stringify(source), place);
}

/** A list: its length, and the rows that were looked at. Others are fetched by `loadRows` when they come into sight. */
export function listQuery(source: Source) {
  return queryOptions({
    queryKey: [...LISTS, source] as const,
    queryFn: async ({ client, queryKey, signal }): Promise<List> => {
      const known = client.getQueryData<List>(queryKey);
      // A search goes on from its beginning alone.
      const place = source.kind === "words" ? 0 : (readAt.get(JSON.stringify(source)) ?? 0);
      const offset = known === undefined ? 0 : Math.max(0, place - BEFORE);
      const window = await readWindow(source, { offset, limit: known === undefined ? WINDOW : WINDOW * 2, signal });
      return withWindow(client.getQueryData<List>(queryKey), window, true);
    },
    // A list that nobody looked at is not kept current by heart: it is fetched anew when it is shown again.
    refetchOnMount: "always",
  });
}

const underway = new Map<string, Promise<void>>();

/** Fetches what is not known of these rows; what is being fetched already is waited for, not asked for twice. */
export async function loadRows(queryClient: QueryClient, source: Source, from: number, to: number): Promise<void> {
  const { queryKey } = listQuery(source);
  const list = queryClient.getQueryData<List>(queryKey);
  const sight = list?.rows.slice(from, to).indexOf(undefined) ?? -1;
  const missing = sight < 0 ? -1 : from + sight;
  if (list === undefined || missing < 0) {
    return;
  }
  const isSearch = source.kind === "words";
  const offset = isSearch ? list.rows.length - 1 : missing - (missing % WINDOW);
  const name = JSON.stringify([source, offset]);
  const fetching =
    underway.get(name) ??
    readWindow(source, { offset, limit: WINDOW, next: list.next })
      .then((window) => {
        queryClient.setQueryData<List>(queryKey, (now) => now && withWindow(now, window, false));
      })
      .finally(() => underway.delete(name));
  underway.set(name, fetching);
  await fetching;
  await loadRows(queryClient, source, from, to);
}

/** Fetches what is held for review anew where it is shown: somebody has decided about some of it. */
export function reviewMoved(queryClient: QueryClient): void {
  void queryClient.invalidateQueries({ queryKey: [...LISTS, { kind: "standard", view: "review" }] });
}

/** As often as counts, so that a list and its count tell the same. */
const REVIEW_PACE_MS = 6_000;
let isReviewComing = false;

/** The same, soon and not too often. */
function reviewMayHaveMoved(queryClient: QueryClient): void {
  if (!isReviewComing) {
    isReviewComing = true;
    setTimeout(() => {
      isReviewComing = false;
      reviewMoved(queryClient);
    }, REVIEW_PACE_MS);
  }
}

/** Brings a batch of live events into every list that is held. */
export function applyLists(queryClient: QueryClient, batch: Digest, session: Session): void {
  for (const [queryKey, list] of queryClient.getQueriesData<List>({ queryKey: LISTS })) {
    const source = queryKey[2] as Source;
    const next = list && withEvents(list, batch, rules(queryClient, source, session));
    if (next !== list) {
      queryClient.setQueryData(queryKey, next);
    }
    // What belongs into it has no rules here: the server says.
    if (source.kind === "standard" && source.view === "review" && list && touches(batch, list)) {
      reviewMayHaveMoved(queryClient);
    }
  }
  if (batch.tickets.size > 0) {
    countsMoved(queryClient);
  }
}

/** Whether a ticket of the list has changed, or one that is held and may belong into it. */
function touches({ tickets }: Digest, { rows }: List): boolean {
  return [...tickets.values()].some(({ review }) => review !== null) || rows.some((row) => row && tickets.has(row.id));
}

function rules(queryClient: QueryClient, source: Source, session: Session): ListRules | null {
  if (source.kind === "standard") {
    return rulesOf(STANDARD[source.view].condition, source.sort, session);
  }
  const view = source.kind === "kept" ? keptViews(queryClient)?.find(({ id }) => id === source.id) : undefined;
  return view ? rulesOf(view.conditions as Condition, view.sort, session) : null;
}
