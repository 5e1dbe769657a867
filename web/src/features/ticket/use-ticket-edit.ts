import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Ticket, TicketPatch } from "@/lib/api/types.ts";
import { useAttempt } from "@/lib/use-attempt.ts";
import { type FieldProblem, fieldProblems, missingFields } from "./edit-problems.ts";
import { keepTicket, ticketKeys } from "./queries.ts";
import { type Edit, type Held, heldQuery, sendOver } from "./send-over.ts";

export interface Person {
  id: string;
  name: string;
}

export interface TicketEdit {
  /** Sets fields, and tells whether they were accepted; `shown` is how the ticket looks until the server answers. */
  set: (patch: TicketPatch, shown: Partial<Ticket>) => Promise<boolean>;
  assign: (assignee: Person | null) => void;
  /** Takes a ticket that nobody has; whoever is first gets it. */
  claim: (me: Person) => void;
  snooze: (until: string | null) => void;
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
  const setHeld = (next: Held | null) => queryClient.setQueryData(heldQuery(ticket.id).queryKey, next);
  const keyed = useAttempt();
  const key = ticketKeys.one(ticket.id);
  const known = () => queryClient.getQueryData<Ticket>(key) ?? ticket;

  const change = useMutation({
    scope: { id: `ticket ${ticket.id}` },
    mutationFn: async (edit: Edit) => sendOver(queryClient, known(), edit),
    onMutate: ({ shown }) => void queryClient.setQueryData<Ticket>(key, { ...known(), ...shown }),
    onSuccess: (saved) => keepTicket(queryClient, saved),
    onError: (error, { patch, shown, before }) => {
      putBack(queryClient, shown, before);
      const fields = missingFields(error);
      if (fields !== null && patch !== undefined) {
        setHeld({ patch, shown, fields });
      }
      void queryClient.invalidateQueries({ queryKey: key, exact: true });
    },
    onSettled: () => void queryClient.invalidateQueries({ queryKey: ticketKeys.timeline(ticket.id) }),
  });

  const path = { ticket_id: ticket.id };
  const header = (version: number) => ({ "if-match": `"${version}"` });
  const run = (edit: Omit<Edit, "before">) => change.mutateAsync({ ...edit, before: known() }).then(yes, no);
  return {
    set: (patch, shown) => {
      setHeld(null);
      const send = (version: number) =>
        answer(tickets.PATCH("/api/tickets/{ticket_id}", { params: { path, header: header(version) }, body: patch }));
      return run({ send, shown, patch });
    },
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
    error: missingFields(change.error) === null ? change.error : null,
    fieldProblems: missingFields(change.error) === null ? fieldProblems(change.error) : NO_PROBLEMS,
    held,
    letGo: () => setHeld(null),
  };
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
