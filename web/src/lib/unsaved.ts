import { useEffect } from "react";

let begun = 0;
const listeners = new Set<() => void>();

/** Whether something was begun in this page that nothing keeps yet: an open sheet, a changed document, an upload. */
export function isUnsaved(): boolean {
  return begun > 0;
}

/** Calls `listener` when that may have changed. Returns how to stop. */
export function onUnsaved(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Something is begun. Returns how to say that it is kept, or given up. */
export function beginUnsaved(): () => void {
  count(1);
  return () => count(-1);
}

/** The same, for as long as a component shows it. */
export function useUnsaved(isBegun = true): void {
  useEffect(() => (isBegun ? beginUnsaved() : undefined), [isBegun]);
}

function count(change: 1 | -1): void {
  begun += change;
  for (const listener of listeners) listener();
}
