import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { MousePointerClick } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { TicketSkeleton } from "@/features/ticket/ticket-skeleton.tsx";
import type { Session } from "@/lib/api/types.ts";
import { Notice } from "@/ui/notice.tsx";
import { ListPane } from "./list-pane.tsx";
import { Rail } from "./rail.tsx";
import { sourceOf } from "./source.ts";
import { useViewName } from "./use-view-name.ts";
import { isStandard } from "./views.ts";
import { viewsQuery } from "./views-query.ts";

const loadTicketPane = () => import("@/features/ticket/ticket-pane.tsx");
const TicketPane = lazy(loadTicketPane);
const SearchBox = lazy(() => import("./search-box.tsx"));
const JobPanel = lazy(() => import("./job-panel.tsx"));

/** Rail, list and ticket. What is shown is in the address, so that it can be shared and survives a reload. */
export default function InboxPage({ session }: { session: Session }) {
  const { t } = useTranslation(["inbox", "desk"]);
  const { view } = useParams({ from: "/desk/inbox/$view" });
  const { ticket: openId = null, q = "", sort } = useSearch({ from: "/desk/inbox/$view" });
  const navigate = useNavigate({ from: "/inbox/$view" });
  const source = useMemo(() => sourceOf(view, q, sort), [view, q, sort]);
  const views = useQuery(viewsQuery);
  const nameOf = useViewName();
  const [job, setJob] = useState<string | null>(null);

  const show = useCallback(
    (ticket: string | undefined) =>
      void navigate({ search: ({ ticket: _, ...rest }) => ({ ...rest, ...(ticket && { ticket }) }) }),
    [navigate],
  );
  // A sort belongs to the list it was chosen for.
  const search = (line: string) => void navigate({ search: { ...(line && { q: line }) } });
  const order = (chosen: string) => void navigate({ search: (known) => ({ ...known, sort: chosen }) });

  const kept = views.data?.find((each) => each.id === view) ?? null;
  const viewTitle = isStandard(view) ? t(`desk:nav.${view}`) : kept ? nameOf(kept) : "";
  const title = q === "" ? viewTitle : t("search.title");
  // The list is drawn without waiting for the ticket's code, which is there by the time one is opened.
  useEffect(() => void loadTicketPane(), []);
  useEffect(() => {
    document.title = `${title} · Desk`;
  }, [title]);

  return (
    <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
      <div className={openId === null ? "contents" : "hidden lg:contents"}>
        <Rail />
      </div>
      <main id="main" tabIndex={-1} className="flex min-h-0 min-w-0 flex-1 flex-col outline-none lg:flex-row">
        <section
          aria-label={title}
          className={`min-h-0 flex-1 flex-col border-line bg-surface lg:flex lg:w-95 lg:flex-none lg:border-e ${openId === null ? "flex" : "hidden"}`}
        >
          <Suspense fallback={<div className="h-12.25 shrink-0 border-b border-line" />}>
            <SearchBox q={q} onSearch={search} />
          </Suspense>
          <ListPane
            key={JSON.stringify(source)}
            title={title}
            source={source}
            view={kept}
            session={session}
            openId={openId}
            onOpen={show}
            onSort={order}
            onJob={setJob}
          />
          <Suspense>
            {job !== null && <JobPanel key={job} id={job} onOpen={show} onJob={setJob} onClose={() => setJob(null)} />}
          </Suspense>
        </section>
        <section
          aria-label={t("opened")}
          className={`min-h-0 min-w-0 flex-1 flex-col bg-surface lg:flex ${openId === null ? "hidden" : "flex"}`}
        >
          {openId === null ? (
            <Notice icon={<MousePointerClick aria-hidden className="size-6" />} title={t("desk:ticket.noneOpen")}>
              {t("desk:ticket.noneOpenHint")}
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
