import { useEffect } from "react";
import { useIsShown } from "@/lib/use-is-shown.ts";
import { keepLooked } from "./thread-marks.ts";

/** Keeps how far somebody has looked at a ticket: up to the newest message, as soon as the window can be seen. */
export function useLooked(accountId: string, ticketId: string, newest: string | undefined): void {
  const isShown = useIsShown();
  useEffect(() => {
    if (newest !== undefined && accountId !== "" && isShown) {
      keepLooked(accountId, ticketId, newest);
    }
  }, [accountId, ticketId, newest, isShown]);
}
