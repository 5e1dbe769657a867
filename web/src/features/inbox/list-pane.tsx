import { CloudOff, Coffee, SearchX } from "lucide-react";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { useFailures } from "@/features/ticket/failures.ts";
import { ApiError } from "@/lib/api/problem.ts";
import type { KeptView, Session } from "@/lib/api/types.ts";
import { Notice } from "@/ui/notice.tsx";
import { useCountText } from "./count.tsx";
import { ListHead } from "./list-head.tsx";
import type { Source } from "./source.ts";
import { FOUND_ROW_HEIGHT, ROW_HEIGHT, TicketList } from "./ticket-list.tsx";
import { useCursor } from "./use-cursor.ts";
import { useList } from "./use-list.ts";
import { useSelection } from "./use-selection.ts";
import { useSolveNext } from "./use-solve-next.ts";

const BulkBar = lazy(() => import("./bulk-bar.tsx"));
const NotDone = lazy(() => import("@/features/ticket/not-done.tsx"));
const SearchProblem = lazy(() => import("./search-problem.tsx"));

interface ListPaneProps {
  title: string;
  source: Source;
  view: KeptView | null;
  session: Session;
  openId: string | null;
  onOpen: (id: string) => void;
  onSort: (sort: string) => void;
  onJob: (id: string) => void;
}

/** A list's title and rows, or why there are none, and what can be done with many of them. */
export function ListPane({ title, source, view, session, openId, onOpen, onSort, onJob }: ListPaneProps) {
  const { t } = useTranslation(["inbox", "desk"]);
  const { list, show, load } = useList(source);
  const rows = list.data?.rows ?? NONE;
  const cursor = useCursor({ rows, openId, onOpen });
  const selection = useSelection(list.data, load);
  useSolveNext({ rows, cursor, openId, onOpen });
  const failures = useFailures();
  const countText = useCountText();
  const isSearch = source.kind === "fields" || source.kind === "words";
  const enabled = rows.length > 0;
  const { index } = cursor;
  const select = { group: "list", enabled } as const;
  useCommand({ ...select, id: "list:toggle", key: "x", label: t("key.toggle"), run: () => selection.toggle(index) });
  const extend = (to: number) => {
    selection.extend(to, index);
    cursor.go(to);
  };
  useCommand({ ...select, id: "list:extendDown", key: "J", label: t("key.extendDown"), run: () => extend(index + 1) });
  useCommand({ ...select, id: "list:extendUp", key: "K", label: t("key.extendUp"), run: () => extend(index - 1) });
  useCommand({ ...select, id: "list:all", label: t("key.all"), run: selection.all });
  const selecting = selection.count > 0 && openId === null;
  useCommand({
    id: "list:clear",
    group: "list",
    key: "Escape",
    label: t("key.clear"),
    run: selection.clear,
    enabled: selecting,
  });
  const number = list.data?.total;
  useEffect(() => {
    if (isSearch && number) {
      document.title = `${title} (${countText(number)}) · Desk`;
    }
  });

  const problem = list.error instanceof ApiError ? list.error.problem : undefined;
  const isUnreadable = list.error instanceof ApiError && list.error.status === 422;
  return (
    <>
      <ListHead
        title={title}
        source={source}
        view={view}
        list={list.data}
        session={session}
        cursor={cursor}
        onSort={onSort}
      />
      <Suspense>
        {selection.count > 0 && (
          <BulkBar
            selection={selection}
            source={source}
            view={view}
            total={list.data?.total ?? null}
            session={session}
            onJob={onJob}
          />
        )}
        {failures.map((each) => (
          <NotDone key={`${each.id} ${each.what}`} failure={each} onOpen={onOpen} />
        ))}
      </Suspense>
      {list.isPending ? (
        <Skeleton />
      ) : rows.length > 0 && list.data ? (
        <TicketList
          label={title}
          list={list.data}
          rowHeight={source.kind === "words" ? FOUND_ROW_HEIGHT : ROW_HEIGHT}
          cursor={cursor}
          selection={selection}
          openId={openId}
          onOpen={onOpen}
          onShow={show}
        />
      ) : isSearch && isUnreadable ? (
        <Suspense>
          <SearchProblem line={source.q} problem={problem} />
        </Suspense>
      ) : list.isError ? (
        <Notice
          isError
          icon={<CloudOff aria-hidden className="size-6" />}
          title={t("desk:list.error")}
          onRetry={() => void list.refetch()}
        >
          {problem?.detail}
        </Notice>
      ) : isSearch ? (
        <Notice icon={<SearchX aria-hidden className="size-6" />} title={t("search.nothing")}>
          {t("search.nothingHint")}
        </Notice>
      ) : (
        <Notice
          icon={<Coffee aria-hidden className="size-6" />}
          title={source.kind === "standard" ? t(`desk:list.empty.${source.view}`) : t("view.empty")}
        >
          {t("desk:list.emptyHint")}
        </Notice>
      )}
      {selection.isShort && (
        <div role="alert" className="border-t border-line bg-bad-soft px-4 py-2 text-sm text-bad">
          {t("bulk.notLoaded")}
        </div>
      )}
      {rows.length > 0 && list.isError && (
        <div role="alert" className="border-t border-line bg-bad-soft px-4 py-2 text-sm text-bad">
          {t("desk:list.stale")}
        </div>
      )}
    </>
  );
}

const NONE: readonly undefined[] = [];

function Skeleton() {
  const { t } = useTranslation();
  return (
    <div role="status" aria-label={t("common.loading")} className="overflow-hidden">
      {Array.from({ length: 9 }, (_, row) => row).map((row) => (
        <div
          key={row}
          className="flex flex-col justify-center gap-2 border-b border-line ps-8 pe-3"
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
