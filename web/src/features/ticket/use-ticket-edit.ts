import { mutationOptions, type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Ticket, TicketPatch } from "@/lib/api/types.ts";
import { useAttempt } from "@/lib/use-attempt.ts";
import { type FieldProblem, fieldProblems, missingFields } from "./edit-problems.ts";
import { tellFailure } from "./failures.ts";
import { editKey, keepTicket, ticketKeys } from "./queries.ts";
import { type Edit, type Held, heldQuery, refusedQuery, sendOver } from "./send-over.ts";

export interface Person {
  id: string;
  name: string;
}

export interface TicketEdit {
  /**
   * Sets fields, and tells whether they were accepted; `shown` is how the ticket looks until the server answers, `before`
   * how it looked when somebody began to write, if that is not how it looks now.
   */
  set: (patch: TicketPatch, shown: Partial<Ticket>, before?: Ticket) => Promise<boolean>;
  /** Makes the change that waits, with what it waits for; it waits on if that is refused. */
  setHeld: (patch: TicketPatch) => void;
  assign: (assignee: Person | null) => void;
  /** Takes a ticket that nobody has; whoever is first gets it. */
  claim: (me: Person) => void;
  snooze: (until: string | null) => void;
  isSaving: boolean;
  error: Error | null;
  /** What is wrong with fields of the organisation's own, by their keys. */
  fieldProblems: ReadonlyMap<string, FieldProblem>;
  held: Held | null;
  letGo: () => void;
}

const NO_PROBLEMS: TicketEdit["fieldProblems"] = new Map();

/**
 * Changes of a ticket: shown at once, sent one after the other, taken back when the server refuses.
 *
 * A ticket that moved meanwhile is no reason to refuse, unless what moved is what was to be changed.
 */
export function useTicketEdit(ticket: Ticket): TicketEdit {
  const queryClient = useQueryClient();
  const { data: held = null } = useQuery(heldQuery(ticket.id));
  const { data: error = null } = useQuery(refusedQuery(ticket.id));
  const setHeld = (next: Held | null) => queryClient.setQueryData(heldQuery(ticket.id).queryKey, next);
  const keyed = useAttempt();
  const known = () => queryClient.getQueryData<Ticket>(ticketKeys.one(ticket.id)) ?? ticket;
  const change = useMutation(changing(queryClient, ticket));

  const path = { ticket_id: ticket.id };
  const header = (version: number) => ({ "if-match": `"${version}"` });
  const run = (edit: Omit<Edit, "before">, before = known()) => change.mutateAsync({ ...edit, before }).then(yes, no);
  const patched = (patch: TicketPatch) => (version: number) =>
    answer(tickets.PATCH("/api/tickets/{ticket_id}", { params: { path, header: header(version) }, body: patch }));
  return {
    set: (patch, shown, before) => {
      setHeld(null);
      return run({ send: patched(patch), shown, patch, isOfBefore: before !== undefined }, before);
    },
    setHeld: (patch) => held && void run({ send: patched(patch), shown: held.shown, patch, isHeld: true }),
    isSaving: change.isPending,
    assign: (assignee) => {
      const body = { assignee_id: assignee?.id ?? null };
      const send = (version: number) =>
        answer(tickets.PUT("/api/tickets/{ticket_id}/assignee", { params: { path, header: header(version) }, body }));
      void run({ send, shown: { assignee } });
    },
    claim: (me) => {
      const send = () =>
        keyed("claim", (key) => {
          const params = { path, header: { "idempotency-key": key } };
          return answer(tickets.POST("/api/tickets/{ticket_id}/claim", { params }));
        });
      void run({ send, shown: { assignee: me } });
    },
    snooze: (until) => {
      const send = (version: number) => {
        const params = { path, header: header(version) };
        return until === null
          ? answer(tickets.DELETE("/api/tickets/{ticket_id}/snooze", { params }))
          : answer(tickets.PUT("/api/tickets/{ticket_id}/snooze", { params, body: { until } }));
      };
      void run({ send, shown: { snoozed_until: until } });
    },
    error: missingFields(error) === null ? error : null,
    fieldProblems: missingFields(error) === null ? fieldProblems(error) : NO_PROBLEMS,
    held,
    letGo: () => setHeld(null),
  };
}

/** All that has to happen whether or not the page is still there. */
export function changing(queryClient: QueryClient, ticket: Ticket) {
  const key = ticketKeys.one(ticket.id);
  const known = () => queryClient.getQueryData<Ticket>(key) ?? ticket;
  const setHeld = (next: Held | null) => queryClient.setQueryData(heldQuery(ticket.id).queryKey, next);
  const setRefused = (error: Error | null) => queryClient.setQueryData(refusedQuery(ticket.id).queryKey, error);
  return mutationOptions({
    mutationKey: editKey(ticket.id),
    scope: { id: `ticket ${ticket.id}` },
    mutationFn: (edit: Edit) => sendOver(queryClient, edit.isOfBefore ? edit.before : known(), edit),
    onMutate: ({ shown }) => {
      setRefused(null);
      queryClient.setQueryData<Ticket>(key, { ...known(), ...shown });
    },
    onSuccess: (saved, edit) => {
      keepTicket(queryClient, saved, edit);
      if (edit.isHeld) {
        setHeld(null);
      }
    },
    onError: (error, { patch, shown, before, isHeld }) => {
      putBack(queryClient, shown, before);
      const fields = missingFields(error);
      const held = queryClient.getQueryData(heldQuery(ticket.id).queryKey);
      if (patch !== undefined && (fields !== null || isHeld)) {
        setHeld({ patch, shown, fields: fields ?? held?.fields ?? [] });
      }
      setRefused(error);
      tellFailure({ id: ticket.id, number: ticket.number, what: "change", error });
      void queryClient.invalidateQueries({ queryKey: key, exact: true });
    },
    onSettled: () => void queryClient.invalidateQueries({ queryKey: ticketKeys.timeline(ticket.id) }),
  });
}

/** Takes back what was only shown, where nothing newer is known: asking for what is true may fail, too. */
function putBack(queryClient: QueryClient, shown: Edit["shown"], before: Ticket): void {
  queryClient.setQueryData<Ticket>(ticketKeys.one(before.id), (now) => {
    if (now === undefined) {
      return now;
    }
    const names = (Object.keys(shown) as (keyof Ticket)[]).filter((name) => now[name] === shown[name]);
    return { ...now, ...Object.fromEntries(names.map((name) => [name, before[name]])) };
  });
}

const yes = () => true;
const no = () => false;
