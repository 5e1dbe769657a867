import type { Status } from "@/lib/api/types.ts";

/** The transitions a person may ask for, as the tickets service knows them; `closed` comes by itself, later. */
const NEXT: Record<Status, readonly Status[]> = {
  new: ["open", "pending", "on_hold", "solved"],
  open: ["pending", "on_hold", "solved"],
  pending: ["open", "on_hold", "solved"],
  on_hold: ["open", "pending", "solved"],
  solved: ["open", "pending", "on_hold"],
  closed: [],
};

export function nextStatuses(current: Status): readonly Status[] {
  return NEXT[current];
}
