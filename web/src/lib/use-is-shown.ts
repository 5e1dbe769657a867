import { useSyncExternalStore } from "react";

/** Whether this window can be seen; false behind another tab, and while it is minimised. */
export function useIsShown(): boolean {
  return useSyncExternalStore(onVisibility, () => !document.hidden);
}

function onVisibility(listener: () => void): () => void {
  document.addEventListener("visibilitychange", listener);
  return () => document.removeEventListener("visibilitychange", listener);
}
