import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { CloudOff, Coffee } from "lucide-react";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { TicketRow } from "@/lib/api/types.ts";
import { Notice } from "@/ui/notice.tsx";
import { ROW_HEIGHT, TicketList } from "./ticket-list.tsx";
import type { Cursor } from "./use-cursor.ts";
import type { View } from "./views.ts";

interface ListPaneProps {
  view: View;
  list: Pick<
    UseInfiniteQueryResult,
    "isPending" | "isError" | "isFetchingNextPage" | "hasNextPage" | "fetchNextPage" | "refetch"
  >;
  rows: readonly TicketRow[];
  cursor: Cursor;
  openId: string | null;
  onOpen: (id: string) => void;
}

/** A view's title and rows, or why there are none. */
export function ListPane({ view, list, rows, cursor, openId, onOpen }: ListPaneProps) {
  const { t } = useTranslation();
  const { fetchNextPage, isFetchingNextPage, isError } = list;
  const needMore = useCallback(() => {
    if (!isFetchingNextPage && !isError) {
      void fetchNextPage();
    }
  }, [fetchNextPage, isFetchingNextPage, isError]);

  return (
    <>
      <h2 className="border-b border-line px-4 py-3 text-base font-semibold">{t(`nav.${view}`)}</h2>
      {list.isPending ? (
        <Skeleton />
      ) : rows.length > 0 ? (
        <TicketList
          key={view}
          label={t(`nav.${view}`)}
          rows={rows}
          cursor={cursor}
          openId={openId}
          hasMore={list.hasNextPage}
          onOpen={(ticket) => onOpen(ticket.id)}
          onNeedMore={needMore}
        />
      ) : list.isError ? (
        <Notice
          isError
          icon={<CloudOff aria-hidden className="size-6" />}
          title={t("list.error")}
          onRetry={() => void list.refetch()}
        />
      ) : (
        <Notice icon={<Coffee aria-hidden className="size-6" />} title={t(`list.empty.${view}`)}>
          {t("list.emptyHint")}
        </Notice>
      )}
      {rows.length > 0 && list.isError && (
        <div role="alert" className="border-t border-line bg-bad-soft px-4 py-2 text-sm text-bad">
          {t("list.stale")}
        </div>
      )}
    </>
  );
}

function Skeleton() {
  const { t } = useTranslation();
  return (
    <div role="status" aria-label={t("common.loading")} className="overflow-hidden">
      {Array.from({ length: 9 }, (_, row) => row).map((row) => (
        <div
          key={row}
          className="flex flex-col justify-center gap-2 border-b border-line px-4"
          style={{ height: ROW_HEIGHT }}
        >
          <div className="shimmer h-3 w-2/5" />
          <div className="shimmer h-4 w-4/5" />
          <div className="shimmer h-3 w-3/5" />
        </div>
      ))}
    </div>
  );
}
