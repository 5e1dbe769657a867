import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/**
 * Something computed from the time of day, kept current by one timer for the whole window.
 *
 * A component renders again only when the computed value changes, so a thousand badges that show minutes cost nothing
 * for fifty-nine seconds. `compute` must return a primitive.
 */
export function useClock<T extends string | number | boolean | null>(compute: (now: number) => T): T {
  return useSyncExternalStore(subscribe, () => compute(Date.now()));
}
