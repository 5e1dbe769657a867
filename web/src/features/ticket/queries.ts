import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { type Digest, isStale, merge } from "@/features/live/apply.ts";
import { answer, routing, tickets } from "@/lib/api/client.ts";
import type { Agent, RoutingDecision, Thread, Ticket } from "@/lib/api/types.ts";

const THREAD_PAGE = 200;
/** So long what is before the last page counts as known: replies bounce, and files are found clean, without a word. */
const WHOLE_MS = 60_000;

export const ticketKeys = {
  all: ["tickets"] as const,
  one: (id: string) => ["tickets", "one", id] as const,
  messages: (id: string) => ["tickets", "one", id, "messages"] as const,
  routing: (id: string) => ["tickets", "one", id, "routing"] as const,
  scheduled: (id: string) => ["tickets", "one", id, "scheduled"] as const,
  links: (id: string) => ["tickets", "one", id, "links"] as const,
  timeline: (id: string) => ["tickets", "one", id, "timeline"] as const,
  clocks: (id: string) => ["tickets", "one", id, "clocks"] as const,
};

/** By which changes of a ticket are known while they are on their way. */
export const editKey = (id: string) => ["edit", id] as const;

export function ticketQuery(id: string) {
  return queryOptions({
    queryKey: ticketKeys.one(id),
    queryFn: async ({ signal }): Promise<Ticket> =>
      answer(tickets.GET("/api/tickets/{ticket_id}", { params: { path: { ticket_id: id } }, signal })),
  });
}

/** Where the last page of a thread begins. A thread only ever grows: what came is there, and asked for alone. */
interface Tail {
  cursor: string;
  /** How many messages are before it, */
  before: number;
  /** and when those were read, in milliseconds. */
  readAt: number;
}

export interface KnownThread extends Thread {
  /** Null where nothing less than the whole thread tells what came. */
  tail?: Tail | null;
}

/** The whole thread, oldest message first, with the version that a reply to it refers to. */
export function messagesQuery(id: string) {
  return queryOptions({
    queryKey: ticketKeys.messages(id),
    queryFn: async ({ signal, client, queryKey }): Promise<KnownThread> => {
      const known = client.getQueryData<KnownThread>(queryKey);
      const tail = known && trustedTail(known, Date.now());
      const thread = tail ? await readThread(id, signal, tail, known.items.slice(0, tail.before)) : null;
      return thread?.tail ? thread : readThread(id, signal);
    },
    refetchInterval: ({ state }) => untilDelivered(state.data, Date.now()),
  });
}

/** The thread from `tail` on, behind the messages before it; without them, all of it. */
async function readThread(
  id: string,
  signal: AbortSignal,
  tail: Tail | null = null,
  before: Thread["items"] = [],
): Promise<KnownThread> {
  const items = [...before];
  const readAt = tail?.readAt ?? Date.now();
  for (;;) {
    const query = { limit: THREAD_PAGE, ...(tail && { cursor: tail.cursor }) };
    const params = { path: { ticket_id: id }, query };
    const page = await answer(tickets.GET("/api/tickets/{ticket_id}/messages", { params, signal }));
    items.push(...page.items);
    if (page.next_cursor === null) {
      // What is merged into a thread comes among its messages, and goes again.
      const isWhole = page.merged.length === 0 && items.length === page.thread_version;
      return { items, thread_version: page.thread_version, tail: isWhole ? tail : null };
    }
    tail = { cursor: page.next_cursor, before: items.length, readAt };
  }
}

/** The tail of a thread, as long as the messages before it are as new as those of any other query, and delivered. */
function trustedTail({ items, tail }: KnownThread, now: number): Tail | null {
  if (!tail || now - tail.readAt > WHOLE_MS) {
    return null;
  }
  return items.slice(0, tail.before).some((message) => message.delivery_state === "queued") ? null : tail;
}

const EAGER_MS = 2_000;
const PATIENT_MS = 30_000;
const FRESH_MS = 60_000;

/**
 * When to look again at a thread with a reply on its way, in milliseconds; false when none is.
 *
 * Deliveries move no ticket, so the socket does not tell of them.
 */
export function untilDelivered(thread: Thread | undefined, now: number): number | false {
  const underway = thread?.items.filter((message) => message.delivery_state === "queued") ?? [];
  if (underway.length === 0) {
    return false;
  }
  const isFresh = underway.some((message) => now - Date.parse(message.added_at) < FRESH_MS);
  return isFresh ? EAGER_MS : PATIENT_MS;
}

export const agentsQuery = queryOptions({
  queryKey: ["agents"],
  queryFn: async ({ signal }): Promise<Agent[]> => (await answer(routing.GET("/api/agents", { signal }))).items,
});

/** Those who can be given a ticket: who is switched off cannot. */
export function assignable(agents: readonly Agent[]): Agent[] {
  return agents.filter((agent) => agent.active);
}

/** Why a ticket came to whom it came, newest decision first. */
export function routingQuery(id: string) {
  return queryOptions({
    queryKey: ticketKeys.routing(id),
    queryFn: async ({ signal }): Promise<RoutingDecision[]> =>
      (await answer(routing.GET("/api/routing/tickets/{ticket_id}", { params: { path: { ticket_id: id } }, signal })))
        .decisions,
    staleTime: 0,
  });
}

/** Brings a batch of live events into the tickets that are open; a thread that moved is fetched again. */
export function applyTicket(queryClient: QueryClient, batch: Digest): void {
  for (const id of new Set([...batch.tickets.keys(), ...batch.slas.keys()])) {
    const known = queryClient.getQueryData<Ticket>(ticketKeys.one(id));
    if (known === undefined) {
      continue;
    }
    queryClient.setQueryData(ticketKeys.one(id), withPending(queryClient, merge(known, batch)));
    const ticket = batch.tickets.get(id);
    if (ticket !== undefined && !isStale(ticket, known)) {
      // Frames carry the row only; what else a ticket shows (its next statuses, its thread) is asked for. The answer to
      // a change on its way has it all, and is newer.
      if (pendingEdits(queryClient, id).length === 0) {
        void queryClient.invalidateQueries({ queryKey: ticketKeys.one(id), exact: true });
      }
      void queryClient.invalidateQueries({ queryKey: ticketKeys.messages(id) });
      void queryClient.invalidateQueries({ queryKey: ticketKeys.routing(id) });
      void queryClient.invalidateQueries({ queryKey: ticketKeys.scheduled(id) });
      void queryClient.invalidateQueries({ queryKey: ticketKeys.timeline(id) });
      void queryClient.invalidateQueries({ queryKey: ticketKeys.clocks(id) });
      void queryClient.invalidateQueries({ queryKey: ticketKeys.links(id) });
    }
  }
}

/** Takes over what a write answered, unless something newer is already known. `done` is the change that it was. */
export function keepTicket(queryClient: QueryClient, ticket: Ticket, done?: PendingEdit): void {
  const key = ticketKeys.one(ticket.id);
  if (!isStale(ticket, queryClient.getQueryData<Ticket>(key))) {
    queryClient.setQueryData<Ticket>(key, withPending(queryClient, ticket, done));
  } else if (pendingEdits(queryClient, ticket.id, done).length === 0) {
    // What is known is a frame's row below what was shown meanwhile, as if that had come last.
    void queryClient.invalidateQueries({ queryKey: key, exact: true });
  }
}

/** A change as far as it is shown before it is answered. */
export interface PendingEdit {
  shown: Partial<Ticket>;
}

/** The ticket as it looks with all changes that are on their way, but for one: no answer takes back what came after. */
export function withPending(queryClient: QueryClient, ticket: Ticket, except?: PendingEdit): Ticket {
  return Object.assign({}, ticket, ...pendingEdits(queryClient, ticket.id, except).map((edit) => edit.shown));
}

function pendingEdits(queryClient: QueryClient, id: string, except?: PendingEdit): PendingEdit[] {
  const pending = queryClient.getMutationCache().findAll({ mutationKey: editKey(id), status: "pending" });
  const edits = pending.flatMap(({ state }) => (state.variables as PendingEdit | undefined) ?? []);
  return edits.filter((edit) => edit !== except);
}
