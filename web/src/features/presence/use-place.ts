import { useEffect, useState } from "react";
import type { Doing } from "@/features/live/frames.ts";
import { useLive } from "@/features/live/live-provider.tsx";
import { useIsShown } from "@/lib/use-is-shown.ts";

/** Who has not touched a key for so long has stopped writing. */
const PAUSE_MS = 10_000;

/**
 * Tells others that this window shows a ticket, and what is being written there.
 *
 * Whatever is typed into an element inside of `data-writing="reply"` or `"note"` counts as writing that; a hidden window
 * shows nothing.
 */
export function usePlace(ticketId: string): void {
  const { view } = useLive();
  const [doing, setDoing] = useState<Doing>("reading");
  const isShown = useIsShown();

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onInput = (event: Event) => {
      const written = writtenAt(event.target);
      if (written !== null) {
        clearTimeout(timer);
        timer = setTimeout(() => setDoing("reading"), PAUSE_MS);
        setDoing(written);
      }
    };
    document.addEventListener("input", onInput);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("input", onInput);
    };
  }, []);

  useEffect(() => {
    view(isShown ? { ticket_id: ticketId, doing } : null);
  }, [view, ticketId, doing, isShown]);
  useEffect(() => () => view(null), [view]);
}

function writtenAt(target: EventTarget | null): Doing | null {
  const field = target instanceof Element ? target.closest<HTMLElement>("[data-writing]") : null;
  const kind = field?.dataset.writing;
  if (kind !== "reply" && kind !== "note") {
    return null;
  }
  // What was sent or thrown away is not being written any more.
  const text = target instanceof HTMLTextAreaElement ? target.value : (target as HTMLElement).textContent;
  return text?.trim() ? kind : "reading";
}
