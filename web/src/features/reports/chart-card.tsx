import { useNavigate } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { Table } from "@/ui/table.tsx";
import { type ChartData, colourOf, drawn, tableOf } from "./chart-data.ts";
import { csv, download } from "./csv.ts";
import { ExplainButton } from "./explain-button.tsx";
import { TicketsLink } from "./tickets-link.tsx";

const Chart = lazy(() => import("./chart.tsx"));

interface ChartCardProps {
  /** Names the file that is downloaded. */
  id: string;
  name: string;
  definition: string;
  /** What the points are. */
  point: string;
  data: ChartData;
  /** What series are called that have to be drawn as one. */
  others?: string;
}

/** A chart, and the same as a table and as a file. */
export function ChartCard({ id, name, definition, point, data, others = "" }: ChartCardProps) {
  const { t } = useTranslation("reports");
  const navigate = useNavigate();
  const [isTable, setTable] = useState(false);
  const [isExplained, setExplained] = useState(false);
  const shown = useMemo(() => drawn(data, others), [data, others]);
  const isEmpty = data.series.every((series) => series.values.every((value) => value === 0));

  const open = (series: number, place: number) => {
    const q = shown.series[series]?.searches?.[place];
    if (q && shown.series[series]?.values[place]) {
      void navigate({ to: "/inbox/$view", params: { view: "open" }, search: { q } });
    }
  };

  return (
    <section aria-label={name} className="flex min-w-0 flex-col gap-3 rounded-md border border-line bg-surface p-4">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="flex min-w-0 flex-1 basis-48 items-center gap-1">
          <h3 className="min-w-0 font-medium">{name}</h3>
          <ExplainButton name={name} isOpen={isExplained} onToggle={() => setExplained(!isExplained)} />
        </div>
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => setTable(!isTable)}>{isTable ? t("asChart") : t("asTable")}</Button>
          <Button onClick={() => download(`${id}.csv`, csv(tableOf(data, point, t("sum"))))}>
            <Download aria-hidden className="size-4" />
            {t("csv")}
          </Button>
        </div>
      </div>
      {isExplained && <p className="text-sm text-ink-soft">{definition}</p>}
      {isTable ? (
        <ChartTable name={name} point={point} data={data} />
      ) : isEmpty ? (
        <p className="grid h-64 place-items-center text-sm text-ink-soft">{t("none")}</p>
      ) : (
        <>
          {shown.series.length > 1 && <Legend data={shown} />}
          <Suspense fallback={<div className="shimmer h-64" />}>
            <Chart data={shown} label={t("chart", { name })} onPress={open} />
          </Suspense>
        </>
      )}
    </section>
  );
}

function Legend({ data }: { data: ChartData }) {
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-ink-soft">
      {data.series.map((series, place) => (
        <li key={series.name} className="flex items-center gap-1.5">
          <span aria-hidden className="size-2.5 rounded-sm" style={{ background: colourOf(place) }} />
          <bdi>{series.name}</bdi>
        </li>
      ))}
    </ul>
  );
}

function ChartTable({ name, point, data }: { name: string; point: string; data: ChartData }) {
  const { t, i18n } = useTranslation("reports");
  const number = new Intl.NumberFormat(i18n.language);
  const [heads = [], ...rows] = tableOf(data, point, t("sum"));
  return (
    <div className="max-h-96 overflow-y-auto">
      <Table label={name}>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                <bdi>{head}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...values], place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two points may have the same name, and none moves
            <tr key={place}>
              <th scope="row" className="font-normal whitespace-nowrap">
                {first}
              </th>
              {values.map((value, series) => {
                const q = data.series[series]?.searches?.[place];
                const shown = number.format(Number(value));
                return (
                  // biome-ignore lint/suspicious/noArrayIndexKey: columns do not move
                  <td key={series} className="tabular-nums">
                    {q && value ? (
                      <TicketsLink
                        q={q}
                        label={t("showOf", { name: `${data.series[series]?.name}, ${first}: ${shown}` })}
                      >
                        {shown}
                      </TicketsLink>
                    ) : (
                      shown
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </Table>
    </div>
  );
}
