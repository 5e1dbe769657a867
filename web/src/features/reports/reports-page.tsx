import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useEffect, useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Overview, Session } from "@/lib/api/types.ts";
import { formatExact } from "@/lib/format.ts";
import { Button } from "@/ui/button.tsx";
import { Loaded, NotAllowed, PageHead, PageMain } from "@/ui/page.tsx";
import { BacklogChart, ComplianceChart, VolumeChart } from "./charts.tsx";
import { csv, download } from "./csv.ts";
import { FigureCard } from "./figure-card.tsx";
import { FIGURES, numberOf } from "./figures.ts";
import { aboutOf, daysBefore, daysOf, overviewQuery, volumeQuery } from "./queries.ts";
import { ReportFilters } from "./report-filters.tsx";
import type { ReportSearch } from "./search.ts";

/** How the desk is doing: for supervisors and administrators. */
export default function ReportsPage({ session, search }: { session: Session; search: ReportSearch }) {
  const { t } = useTranslation("reports");
  useEffect(() => {
    document.title = `${t("title")} · Desk`;
  }, [t]);
  return session.role === "agent" ? <NotAllowed isForLeads /> : <Report search={search} />;
}

function Report({ search }: { search: ReportSearch }) {
  const { t, i18n } = useTranslation("reports");
  const navigate = useNavigate();
  const about = useMemo(() => aboutOf(search), [search]);
  const days = useMemo(() => daysOf(search, new Date()), [search]);
  const overview = useQuery(overviewQuery(days, about));
  const before = useQuery(overviewQuery(daysBefore(days), about));
  const byChannel = useQuery(volumeQuery(days, about, "channel"));
  const byLanguage = useQuery(volumeQuery(days, about, "language"));
  const found = overview.data;

  return (
    <PageMain>
      <PageHead title={t("title")} hint={t("hint")}>
        {found && (
          <Button onClick={() => download("figures.csv", csv(figureRows(found, before.data)))}>
            <Download aria-hidden className="size-4" />
            {t("csv")}
          </Button>
        )}
      </PageHead>
      <ReportFilters
        days={days}
        search={search}
        languages={Object.keys(byLanguage.data?.key_searches ?? {})}
        onChange={(changed) => void navigate({ to: "/reports/overview", search: changed })}
      />
      <Loaded query={overview} has={found !== undefined}>
        {found && (
          <>
            <p className="text-xs text-ink-faint">
              {found.as_of ? t("asOf", { when: formatExact(found.as_of, i18n.language) }) : t("noData")}
            </p>
            <ul
              aria-label={t("figures")}
              aria-busy={overview.isPlaceholderData}
              className="grid grid-cols-[repeat(auto-fill,minmax(max(10rem,18%),1fr))] gap-3"
            >
              {FIGURES.map((id) => (
                <FigureCard key={id} id={id} overview={found} before={before.data} />
              ))}
            </ul>
          </>
        )}
      </Loaded>
      <div className="grid gap-3 xl:grid-cols-2">
        {byChannel.data && <VolumeChart volume={byChannel.data} />}
        {byLanguage.data && <VolumeChart volume={byLanguage.data} />}
        {found && <BacklogChart overview={found} />}
        {found && <ComplianceChart overview={found} />}
      </div>
    </PageMain>
  );

  function figureRows(now: Overview, earlier: Overview | undefined) {
    return [
      [t("figure"), t("value"), t("previous")],
      ...FIGURES.map((id) => [
        t(`metric.${id}`),
        numberOf(now.figures, id),
        earlier ? numberOf(earlier.figures, id) : null,
      ]),
    ];
  }
}
