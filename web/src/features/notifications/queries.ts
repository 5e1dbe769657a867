import { queryOptions } from "@tanstack/react-query";
import { answer, gateway, tickets } from "@/lib/api/client.ts";
import type { components } from "@/lib/api/schema/gateway.ts";

/** Something that concerns who is signed in. `author` is empty where a customer or the desk itself did it. */
export type Notification = components["schemas"]["NotificationView"];

interface Notifications {
  items: Notification[];
  unread: number;
  /** What the tickets are called, by number, as far as that could be had. */
  subjects: Record<number, string>;
}

const SHOWN = 20;

export const notificationKey = ["notifications"] as const;

export const notificationsQuery = queryOptions({
  queryKey: notificationKey,
  queryFn: async ({ signal }): Promise<Notifications> => {
    const { items, unread } = await answer(
      gateway.GET("/api/notifications", { params: { query: { limit: SHOWN } }, signal }),
    );
    return { items, unread, subjects: await subjectsOf(items, signal) };
  },
});

/** Marks as read; other windows of the account learn it by the socket. */
export async function markRead(ids: string[]): Promise<void> {
  if (ids.length > 0) {
    await answer(gateway.POST("/api/notifications/read", { body: { ids } }));
  }
}

async function subjectsOf(items: readonly Notification[], signal: AbortSignal): Promise<Record<number, string>> {
  const numbers = [...new Set(items.map((item) => item.ticket_number))];
  if (numbers.length === 0) {
    return {};
  }
  try {
    const query = { q: `number:${numbers.join(",")}`, limit: numbers.length };
    const found = await answer(tickets.GET("/api/tickets/search", { params: { query }, signal }));
    return Object.fromEntries(found.items.map(({ ticket }) => [ticket.number, ticket.subject]));
  } catch {
    // The number says which ticket it is, too.
    return {};
  }
}
