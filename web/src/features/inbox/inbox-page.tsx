import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { MousePointerClick } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { TicketSkeleton } from "@/features/ticket/ticket-skeleton.tsx";
import type { Session } from "@/lib/api/types.ts";
import { Notice } from "@/ui/notice.tsx";
import { ListPane } from "./list-pane.tsx";
import { listQuery } from "./list-query.ts";
import { Rail } from "./rail.tsx";
import { useCursor } from "./use-cursor.ts";
import { DEFAULT_VIEW, isView } from "./views.ts";

const loadTicketPane = () => import("@/features/ticket/ticket-pane.tsx");
const TicketPane = lazy(loadTicketPane);

/** Rail, list and ticket. What is shown is in the address, so that it can be shared and survives a reload. */
export function InboxPage({ session }: { session: Session }) {
  const { t } = useTranslation();
  const params = useParams({ from: "/desk/inbox/$view" });
  const { ticket: openId = null } = useSearch({ from: "/desk/inbox/$view" });
  const view = isView(params.view) ? params.view : DEFAULT_VIEW;
  const navigate = useNavigate();
  const list = useInfiniteQuery(listQuery(view));
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);

  const show = useCallback(
    (ticket: string | undefined) =>
      void navigate({ to: "/inbox/$view", params: { view }, search: ticket === undefined ? {} : { ticket } }),
    [navigate, view],
  );
  // The list is drawn without waiting for the ticket's code, which is there by the time one is opened.
  useEffect(() => void loadTicketPane(), []);
  useEffect(() => {
    document.title = `${t(`nav.${view}`)} · Desk`;
  }, [t, view]);
  const cursor = useCursor({ view, rows, openId, onOpen: show });

  return (
    <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
      <div className={openId === null ? "contents" : "hidden lg:contents"}>
        <Rail />
      </div>
      <main className="flex min-h-0 min-w-0 flex-1 flex-col lg:flex-row">
        <section
          aria-label={t(`nav.${view}`)}
          className={`min-h-0 flex-1 flex-col border-line bg-surface lg:flex lg:w-95 lg:flex-none lg:border-e ${openId === null ? "flex" : "hidden"}`}
        >
          <ListPane view={view} list={list} rows={rows} cursor={cursor} openId={openId} onOpen={show} />
        </section>
        <section
          aria-label={t("ticket.label")}
          className={`min-h-0 min-w-0 flex-1 flex-col bg-surface lg:flex ${openId === null ? "hidden" : "flex"}`}
        >
          {openId === null ? (
            <Notice icon={<MousePointerClick aria-hidden className="size-6" />} title={t("ticket.noneOpen")}>
              {t("ticket.noneOpenHint")}
            </Notice>
          ) : (
            <Suspense fallback={<TicketSkeleton />}>
              <TicketPane key={openId} id={openId} session={session} onClose={() => show(undefined)} />
            </Suspense>
          )}
        </section>
      </main>
    </div>
  );
}
