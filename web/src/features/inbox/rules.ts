import type { LiveTicket } from "@/features/live/frames.ts";
import type { Session, Sort } from "@/lib/api/types.ts";
import { type Condition, holds } from "@/lib/conditions.ts";

/** What a list is, in the browser, so that a live event finds its place without asking the server. */
export interface ListRules {
  matches: (ticket: LiveTicket) => boolean;
  /** Negative when `a` stands above `b`. */
  compare: (a: LiveTicket, b: LiveTicket) => number;
  /** Whether a change takes a ticket to another place. */
  isByChange: boolean;
}

const ID = /^[0-9a-f-]{36}$/;
/** What a frame tells of a ticket, as conditions call it. */
const TOLD: Record<string, (ticket: LiveTicket) => unknown> = {
  status: ({ status, status_key }) => [status, status_key ?? status],
  type: ({ type, type_key }) => [type, type_key ?? type],
  priority: (ticket) => ticket.priority,
  channel: (ticket) => ticket.channel,
  language: (ticket) => ticket.language,
  number: (ticket) => String(ticket.number),
  subject: (ticket) => ticket.subject,
  created: (ticket) => new Date(ticket.created_at),
  updated: (ticket) => new Date(ticket.updated_at),
  assignee: (ticket) => ticket.assignee?.id,
  requester: (ticket) => ticket.requester.customer_id,
  group: (ticket) => ticket.group,
  tags: (ticket) => ticket.tags,
  snoozed: (ticket) => ticket.snoozed_until && new Date(ticket.snoozed_until),
};

/** The rules of a condition and a sort; null where a frame does not tell enough to go by. */
export function rulesOf(condition: Condition, sort: Sort, session: Session): ListRules | null {
  const told = toldOf(condition, session.account_id);
  if (told === null || sort === "sla_due") {
    return null;
  }
  const field = sort.endsWith("created_at") ? "created_at" : "updated_at";
  const direction = sort.startsWith("-") ? -1 : 1;
  return {
    matches: (ticket) => {
      const values = new Map(Object.entries(TOLD).map(([name, of]) => [name, of(ticket)]));
      return holds(told, values, new Date(), true);
    },
    isByChange: field === "updated_at",
    compare: (a, b) => direction * (a[field] === b[field] ? a.number - b.number : a[field] < b[field] ? -1 : 1),
  };
}

/** The condition with oneself in place of `me`; null if it asks for what no frame tells. */
function toldOf(condition: Condition, me: string): Condition | null {
  if ("not" in condition) {
    const inside = toldOf(condition.not, me);
    return inside && { not: inside };
  }
  if ("all" in condition || "any" in condition) {
    const parts = ("all" in condition ? condition.all : condition.any).map((part) => toldOf(part, me));
    const known = parts.filter((part) => part !== null);
    return known.length < parts.length ? null : "all" in condition ? { all: known } : { any: known };
  }
  if (!(condition.field in TOLD)) {
    return null;
  }
  if (!["assignee", "requester"].includes(condition.field) || !Array.isArray(condition.is)) {
    return condition;
  }
  const people = condition.is.map((value: unknown) => (value === "me" ? me : String(value)));
  return people.every((value) => ID.test(value)) ? { ...condition, is: people } : null;
}
