import type { KeptView, Status } from "@/lib/api/types.ts";
import type { Condition } from "@/lib/conditions.ts";

/**
 * The working queues of an agent. `mine` and `unassigned` hold what waits for the desk, not for the customer; `review`
 * what is held until somebody has decided where it belongs.
 */
export const VIEWS = ["mine", "unassigned", "open", "solved", "review"] as const;
export type StandardView = (typeof VIEWS)[number];

export const DEFAULT_VIEW: StandardView = "unassigned";

const WAITING_FOR_US: Status[] = ["new", "open"];
const UNSOLVED: Status[] = ["new", "open", "pending", "on_hold"];
const DONE: Status[] = ["solved", "closed"];

/** The same thing as parameters of a list and as a condition. */
interface Standard {
  filter: { status: Status[]; assignee?: "me" | "none"; where?: string };
  condition: Condition;
}

function standard(status: Status[], assignee?: "me" | "none"): Standard {
  const tests: Condition[] = [{ field: "status", is: status }];
  if (assignee) {
    tests.push({ field: "assignee", is: assignee === "me" ? ["me"] : [] });
  }
  return { filter: { status, ...(assignee && { assignee }) }, condition: { all: tests } };
}

export const STANDARD: Record<StandardView, Standard> = {
  mine: standard(WAITING_FOR_US, "me"),
  unassigned: standard(WAITING_FOR_US, "none"),
  open: standard(UNSOLVED),
  solved: standard(DONE),
  review: {
    filter: { status: UNSOLVED, where: "-review:none" },
    condition: { all: [{ field: "status", is: UNSOLVED }, { not: { field: "review", is: [] } }] },
  },
};

export function isStandard(value: string): value is StandardView {
  return (VIEWS as readonly string[]).includes(value);
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether this can stand in the address for a view: one of ours, or the id of one that the server keeps. */
export function isView(value: string): boolean {
  return isStandard(value) || ID.test(value);
}

/** Views of the server that it keeps for screens in any language, by their key. Ours show the others already. */
export const KEYED = ["next_due", "snoozed"] as const;

/** The views that the rail shows beside the standard ones. */
export function shownViews(views: readonly KeptView[]): KeptView[] {
  return views.filter((view) => view.key === null || (KEYED as readonly string[]).includes(view.key));
}

/** What a page of the inbox is about beside its view, as the address tells it. */
export interface InboxSearch {
  ticket?: string;
  q?: string;
  sort?: string;
}

/** What stands in an address, as far as it means something; a search is text even where it looks like a number. */
export function inboxSearch(search: Record<string, unknown>): InboxSearch {
  const { ticket, q, sort } = search;
  return {
    ...(typeof ticket === "string" && { ticket }),
    ...((typeof q === "string" || typeof q === "number") && { q: String(q) }),
    ...(typeof sort === "string" && { sort }),
  };
}
