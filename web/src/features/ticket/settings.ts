import { queryOptions } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import type { FieldsDocument, Lifecycle, Status, TicketType } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";

/** The words of the pane: its own, and the common ones first. */
export type Translate = TFunction<["desk", "panel"]>;

/** How the organisation works with tickets: its statuses, types and ways between them. Hardly ever changed. */
export const lifecycleQuery = queryOptions({
  queryKey: ["settings", "tickets"],
  queryFn: async ({ signal }): Promise<Lifecycle> => answer(tickets.GET("/api/settings/tickets", { signal })),
  staleTime: 5 * 60_000,
});

/** The organisation's own fields, and the forms they are on. */
export const fieldsQuery = queryOptions({
  queryKey: ["settings", "fields"],
  queryFn: async ({ signal }): Promise<FieldsDocument> => answer(tickets.GET("/api/settings/fields", { signal })),
  staleTime: 5 * 60_000,
});

interface Named {
  key: string;
  labels: Readonly<Record<string, string>>;
}

/** A status by the organisation's name for it. Those there from the start are called as the desk calls them. */
export function statusName(t: Translate, { key, labels }: Named, category: Status, locale: string): string {
  const ours = t(`status.${category}`);
  return labels[locale] ?? (key === category ? ours : labelOf(labels, locale, ours));
}

/** The same for a type. */
export function typeName(t: Translate, { key, labels }: Named, category: TicketType, locale: string): string {
  const ours = t(`panel:type.${category}`);
  return labels[locale] ?? (key === category ? ours : labelOf(labels, locale, ours));
}
