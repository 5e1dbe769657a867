import type { Sla, TicketRow } from "@/lib/api/types.ts";

/** A ticket as a live frame carries it: the list row without its clocks, which travel on their own. */
export type LiveTicket = Omit<TicketRow, "sla">;

/** What the socket says about tickets. `seq` is the position to resume from. */
export type TicketFrame =
  | { seq: number; type: "ticket.upserted"; ticket: LiveTicket }
  | { seq: number; type: "ticket.sla"; ticket_id: string; sla: Sla };

export type Frame =
  | TicketFrame
  | { type: "hello"; seq: number }
  | { type: "resync" }
  | { type: "bye"; reason: string }
  | { type: "pong" };

const KNOWN = new Set(["ticket.upserted", "ticket.sla", "hello", "resync", "bye", "pong"]);

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
