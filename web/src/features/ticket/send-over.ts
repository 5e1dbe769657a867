import { type QueryClient, queryOptions, skipToken } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import { statusOf } from "@/lib/api/problem.ts";
import type { Ticket, TicketPatch } from "@/lib/api/types.ts";
import { Moved, missingFields } from "./edit-problems.ts";
import { keepTicket, ticketKeys, ticketQuery, withPending } from "./queries.ts";

export interface Edit {
  send: (version: number) => Promise<Ticket>;
  /** How the ticket looks with it. */
  shown: Partial<Ticket>;
  before: Ticket;
  patch?: TicketPatch;
  /** Sent for the version of `before`, which somebody has had in front of them since. */
  isOfBefore?: boolean;
  /** Whether it fills in what a held change waits for. */
  isHeld?: boolean;
}

/** A change that has to wait for fields which the organisation asks for with it. */
export interface Held {
  patch: TicketPatch;
  shown: Partial<Ticket>;
  fields: string[];
}

/** Of what is only here nothing is forgotten, however long other tickets are open. */
const FOR_GOOD_MS = Number.POSITIVE_INFINITY;

/** The change of a ticket that waits, also while another ticket is open. It is only here, no server knows it. */
export function heldQuery(id: string) {
  return queryOptions<Held | null>({ queryKey: ["held", id] as const, queryFn: skipToken, gcTime: FOR_GOOD_MS });
}

/** Why the last change of a ticket was taken back, also while another ticket is open. */
export function refusedQuery(id: string) {
  return queryOptions<Error | null>({ queryKey: ["refused", id] as const, queryFn: skipToken, gcTime: FOR_GOOD_MS });
}

/** Sends a change for the version that is known; where that is old but nobody touched the same, for the newest. */
export async function sendOver(
  queryClient: QueryClient,
  known: Pick<Ticket, "id" | "version">,
  edit: Edit,
): Promise<Ticket> {
  const { send, shown, before, patch } = edit;
  try {
    return await send(known.version);
  } catch (error) {
    if (statusOf(error) !== 412) {
      throw error;
    }
  }
  const now = await queryClient.fetchQuery({ ...ticketQuery(known.id), staleTime: 0, networkMode: "always" });
  const touched = (Object.keys(shown) as (keyof Ticket)[]).filter((name) =>
    // Of the organisation's own fields this changes some only.
    name === "fields" && patch?.fields
      ? Object.keys(patch.fields).some((field) => differ(now.fields[field], before.fields[field]))
      : differ(now[name], before[name]),
  );
  const isTouched = touched.length > 0;
  queryClient.setQueryData(ticketKeys.one(known.id), withPending(queryClient, now, isTouched ? edit : undefined));
  if (isTouched) {
    throw new Moved(now, touched);
  }
  return send(now.version);
}

function differ(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) !== JSON.stringify(other);
}

/** Solves a ticket that was left behind. What the organisation asks for first is asked when it is opened again. */
export async function solveBehind(queryClient: QueryClient, id: string): Promise<void> {
  const setRefused = (error: Error | null) => queryClient.setQueryData(refusedQuery(id).queryKey, error);
  setRefused(null);
  const before = await queryClient.ensureQueryData({ ...ticketQuery(id), networkMode: "always" });
  const patch: TicketPatch = { status: "solved" };
  const shown: Partial<Ticket> = { status: "solved", status_key: "solved", status_labels: {} };
  const params = (version: number) => ({ path: { ticket_id: id }, header: { "if-match": `"${version}"` } });
  const send = (version: number) =>
    answer(tickets.PATCH("/api/tickets/{ticket_id}", { params: params(version), body: patch }));
  try {
    keepTicket(queryClient, await sendOver(queryClient, before, { send, shown, before }));
  } catch (error) {
    const fields = missingFields(error);
    if (fields !== null) {
      queryClient.setQueryData<Held>(heldQuery(id).queryKey, { patch, shown, fields });
    }
    setRefused(error as Error);
    throw error;
  } finally {
    void queryClient.invalidateQueries({ queryKey: ticketKeys.one(id), exact: true });
  }
}
