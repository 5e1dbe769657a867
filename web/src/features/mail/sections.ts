import { checkedDay } from "@/lib/period.ts";

export const SECTIONS = ["mailboxes", "reconciliation", "quarantine", "suppressions"] as const;
export type Section = (typeof SECTIONS)[number];

export function isSection(value: string): value is Section {
  return (SECTIONS as readonly string[]).includes(value);
}

/** What the address says of a section: its period, its filter, and the mail that is looked at. */
export interface MailSearch {
  from?: string;
  to?: string;
  reason?: string;
  q?: string;
  mail?: string;
}

export function checkedSearch(search: Record<string, unknown>): MailSearch {
  const from = checkedDay(search.from);
  const to = checkedDay(search.to);
  return {
    ...(from && to && from <= to && { from, to }),
    ...(typeof search.reason === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(search.reason) && { reason: search.reason }),
    ...(typeof search.q === "string" && search.q.length >= 2 && { q: search.q.slice(0, 100) }),
    ...(typeof search.mail === "string" && { mail: search.mail }),
  };
}
