import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { fieldsQuery, lifecycleQuery } from "@/features/ticket/settings.ts";
import type { Ticket } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { HistoryEntry } from "./history-entry.tsx";
import { FILTERS, type Filter, timelineQuery } from "./queries.ts";

/** What happened to a ticket and what was written in it, the newest first. */
export function HistoryPanel({ ticket }: { ticket: Ticket }) {
  const { t } = useTranslation(["history", "desk"]);
  const [filter, setFilter] = useState<Filter>("all");
  const timeline = useInfiniteQuery(timelineQuery(ticket.id, filter));
  const lifecycle = useQuery(lifecycleQuery);
  const fields = useQuery(fieldsQuery);
  const entries = timeline.data?.pages.flatMap((page) => page.items) ?? [];
  const merged = new Map(timeline.data?.pages.flatMap((page) => page.merged.map(({ id, number }) => [id, number])));
  const settings = { lifecycle: lifecycle.data, fields: fields.data?.fields ?? [] };
  return (
    <section aria-label={t("title")} className="flex flex-col gap-4 p-4">
      <fieldset className="flex gap-1">
        <legend className="sr-only">{t("filter.label")}</legend>
        {FILTERS.map((each) => (
          <label
            key={each}
            className="flex h-7 items-center rounded-sm px-2 text-xs text-ink-soft hover:bg-hover has-checked:bg-selected has-checked:font-medium has-checked:text-ink has-focus-visible:outline-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              name="history-filter"
              className="sr-only"
              checked={filter === each}
              onChange={() => setFilter(each)}
            />
            {t(`filter.${each}`)}
          </label>
        ))}
      </fieldset>
      {timeline.isPending && (
        <div role="status" aria-label={t("desk:common.loading")} className="flex flex-col gap-3">
          <div className="shimmer h-12" />
          <div className="shimmer h-12" />
          <div className="shimmer h-12 w-3/5" />
        </div>
      )}
      {timeline.isError && (
        <div role="alert" className="flex flex-col items-start gap-2 text-sm">
          {t("error")}
          <Button onClick={() => void timeline.refetch()}>{t("desk:common.retry")}</Button>
        </div>
      )}
      <ol className="flex flex-col gap-4 empty:hidden">
        {entries.map((entry) => (
          <HistoryEntry
            key={`${entry.ticket_id} ${entry.id}`}
            entry={entry}
            settings={settings}
            inMerged={entry.ticket_id === ticket.id ? null : (merged.get(entry.ticket_id) ?? null)}
          />
        ))}
      </ol>
      {timeline.isSuccess && entries.length === 0 && <p className="text-sm text-ink-faint">{t("empty")}</p>}
      {timeline.hasNextPage ? (
        <Button onClick={() => void timeline.fetchNextPage()} disabled={timeline.isFetchingNextPage}>
          {t("older")}
        </Button>
      ) : (
        entries.length > 0 && <p className="text-xs text-ink-faint">{t("end")}</p>
      )}
    </section>
  );
}
