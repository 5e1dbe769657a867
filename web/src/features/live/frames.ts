import type { Sla, TicketRow } from "@/lib/api/types.ts";

/**
 * A ticket as a live frame carries it: the list row without its clocks, which travel on their own, and without the
 * names of its status and type. `status_key` and `type_key` are null for the first one of the category; of a review it
 * says why alone, and not of which ticket.
 */
export type LiveTicket = Omit<
  TicketRow,
  "review" | "sla" | "status_key" | "status_labels" | "type_key" | "type_labels"
> & {
  status_key: string | null;
  type_key: string | null;
  review: TicketRow["review"] | string;
  snoozed_until?: string | null;
};

/** What the socket says about tickets. `seq` is the position to resume from. */
export type TicketFrame =
  | { seq: number; type: "ticket.upserted"; ticket: LiveTicket }
  | { seq: number; type: "ticket.sla"; ticket_id: string; sla: Sla };

/** A reply leaves at `release_at`, or, where that is null, not any more. Who wrote it is an account. */
export interface LeavingFrame {
  seq: number;
  type: "ticket.leaving";
  ticket_id: string;
  reply: { id: string; author: string; release_at: string | null };
}

/** What a window shows of a ticket, as others are told of it. */
export interface Place {
  ticket_id: string;
  doing: Doing;
}

export type Doing = "reading" | "reply" | "note";

/** Somebody else at a ticket. */
export interface Person {
  account_id: string;
  name: string;
  doing: Doing;
}

/** Everybody else who is at a ticket; it replaces what was said before and is in no sequence. */
export interface PresenceFrame {
  type: "presence";
  ticket_id: string;
  people: Person[];
}

export type Frame =
  | TicketFrame
  | LeavingFrame
  | PresenceFrame
  | { seq: number; type: "notification" }
  | { type: "hello"; seq: number }
  | { type: "resync" }
  | { type: "bye"; reason: string }
  | { type: "pong" };

const KNOWN = new Set<string>([
  ...["ticket.upserted", "ticket.sla", "ticket.leaving", "presence", "notification"],
  ...["hello", "resync", "bye", "pong"],
]);

/** The frame in a socket message, or null for what this version does not know. */
export function parseFrame(text: unknown): Frame | null {
  if (typeof text !== "string") {
    return null;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "type" in value && KNOWN.has(String(value.type))) {
      return value as Frame;
    }
  } catch {
    // Not JSON: not ours.
  }
  return null;
}
