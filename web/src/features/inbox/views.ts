import type { ListRules } from "@/features/live/apply.ts";
import type { LiveTicket } from "@/features/live/frames.ts";
import type { Session, Status } from "@/lib/api/types.ts";

/** The working queues of an agent. `mine` and `unassigned` hold what waits for the desk, not for the customer. */
export const VIEWS = ["mine", "unassigned", "open", "solved"] as const;
export type View = (typeof VIEWS)[number];

export const DEFAULT_VIEW: View = "unassigned";

const WAITING_FOR_US: Status[] = ["new", "open"];
const UNSOLVED: Status[] = ["new", "open", "pending", "on_hold"];
const DONE: Status[] = ["solved", "closed"];

interface ViewFilter {
  status: Status[];
  assignee?: "me" | "none";
}

export const VIEW_FILTERS: Record<View, ViewFilter> = {
  mine: { status: WAITING_FOR_US, assignee: "me" },
  unassigned: { status: WAITING_FOR_US, assignee: "none" },
  open: { status: UNSOLVED },
  solved: { status: DONE },
};

export function isView(value: string): value is View {
  return (VIEWS as readonly string[]).includes(value);
}

/** The same filter and order in the browser, so that a live event finds its place without asking the server. */
export function listRules(view: View, session: Session): ListRules {
  const { status, assignee } = VIEW_FILTERS[view];
  return {
    matches: (ticket: LiveTicket) =>
      status.includes(ticket.status) &&
      (assignee !== "me" || ticket.assignee?.id === session.account_id) &&
      (assignee !== "none" || ticket.assignee === null),
    compare: (a, b) => (a.created_at === b.created_at ? b.number - a.number : a.created_at < b.created_at ? 1 : -1),
  };
}
