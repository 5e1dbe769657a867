import { useSyncExternalStore } from "react";

/** What did not happen to a ticket, refused after it was left. */
export interface Failure {
  id: string;
  number: number;
  what: "message" | "change";
  error: Error;
}

const open = new Set<string>();
const listeners = new Set<() => void>();
let failures: readonly Failure[] = [];

/** Tells of a failure where the list is, unless its ticket is open: that tells of it by itself. */
export function tellFailure(failure: Failure): void {
  if (!open.has(failure.id)) {
    set([...failures.filter((each) => each.id !== failure.id || each.what !== failure.what), failure]);
  }
}

export function forgetFailure(failure: Failure): void {
  set(failures.filter((each) => each !== failure));
}

/** Declares that a ticket is open, whose failures are seen there; until the function is called that it answers. */
export function attend(id: string): () => void {
  open.add(id);
  set(failures.filter((each) => each.id !== id));
  return () => leave(id);
}

/** Declares that a ticket is left for another one, though its pane may be there for a moment more. */
export function leave(id: string): void {
  open.delete(id);
}

export function useFailures(): readonly Failure[] {
  return useSyncExternalStore(subscribe, told);
}

export function told(): readonly Failure[] {
  return failures;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function set(next: readonly Failure[]): void {
  failures = next;
  for (const listener of listeners) listener();
}
