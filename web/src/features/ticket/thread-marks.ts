import type { Message } from "@/lib/api/types.ts";
import { storage } from "@/lib/storage.ts";

const DAY_MS = 24 * 3_600_000;

/** A day as people call it: today, yesterday, or its date. */
export function dayName(iso: string, locale: string, now: number): string {
  const date = new Date(iso);
  const days = Math.round((startOfDay(new Date(now)) - startOfDay(date)) / DAY_MS);
  if (days === 0 || days === 1) {
    return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(-days, "day");
  }
  const isThisYear = date.getFullYear() === new Date(now).getFullYear();
  return new Intl.DateTimeFormat(locale, {
    weekday: "long",
    day: "numeric",
    month: "long",
    ...(!isThisYear && { year: "numeric" }),
  }).format(date);
}

/** Whether a message is of another day than the one before it, in the reader's zone. */
export function beginsDay(message: Message, before: Message | undefined): boolean {
  return before === undefined || startOfDay(new Date(message.added_at)) !== startOfDay(new Date(before.added_at));
}

function startOfDay(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** The first message of others that came after the reader last looked; null if none did, or they never looked. */
export function firstNew(messages: readonly Message[], looked: string | null, accountId: string): string | null {
  if (looked === null) {
    return null;
  }
  const since = Date.parse(looked);
  const found = messages.find(
    (message) => Date.parse(message.added_at) > since && message.author.id !== accountId && message.kind !== "system",
  );
  return found?.id ?? null;
}

const KEPT = "desk.looked";
const MOST = 500;

/** When the newest message came that somebody has seen of a ticket; null if they never looked. */
export function lastLooked(accountId: string, ticketId: string): string | null {
  return readLooks(accountId)[ticketId] ?? null;
}

/** Remembers the newest message that was seen, of the tickets that were looked at last. */
export function keepLooked(accountId: string, ticketId: string, newest: string): void {
  const { [ticketId]: _before, ...others } = readLooks(accountId);
  const kept = Object.fromEntries([...Object.entries(others), [ticketId, newest]].slice(-MOST));
  storage.set(`${KEPT}.${accountId}`, JSON.stringify(kept));
}

function readLooks(accountId: string): Record<string, string> {
  try {
    const kept: unknown = JSON.parse(storage.get(`${KEPT}.${accountId}`) ?? "{}");
    return typeof kept === "object" && kept !== null ? (kept as Record<string, string>) : {};
  } catch {
    return {};
  }
}
