import { useCallback, useEffect, useState } from "react";
import { isUnwritten, loadNewTicket, type NewTicket, newTicketPlace, saveNewTicket } from "./new-ticket.ts";

/** What this person writes, kept in this browser: its windows show the same, and none shows what is open already. */
export function useNewTicket(accountId: string) {
  const [{ ticket, isGone }, set] = useState(() => ({ ticket: loadNewTicket(accountId), isGone: false }));
  useEffect(() => saveNewTicket(accountId, ticket), [accountId, ticket]);
  const change = useCallback(
    (changed: (known: NewTicket) => NewTicket) => set((known) => ({ ticket: changed(known.ticket), isGone: false })),
    [],
  );
  /** Takes over what is kept, which somewhere else was changed, or opened. */
  const recall = useCallback(() => {
    const kept = loadNewTicket(accountId);
    set((known) => ({ ticket: kept, isGone: isUnwritten(kept) && (known.isGone || !isUnwritten(known.ticket)) }));
  }, [accountId]);
  useEffect(() => {
    const onStorage = ({ key }: StorageEvent) => key === newTicketPlace(accountId) && recall();
    window.addEventListener("storage", onStorage);
    return () => window.removeEventListener("storage", onStorage);
  }, [accountId, recall]);
  return { ticket, isGone, change, recall };
}
