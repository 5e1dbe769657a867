import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Overview, Volume } from "@/lib/api/types.ts";
import { languageName } from "@/lib/format.ts";
import type desk from "@/locales/en/desk.json";
import { ChartCard } from "./chart-card.tsx";
import { backlogData, complianceData, volumeData } from "./chart-data.ts";
import { CHANNELS } from "./search.ts";

/** New tickets of each day, by channel or by language. */
export function VolumeChart({ volume }: { volume: Volume }) {
  const { t, i18n } = useTranslation("reports");
  const data = useMemo(() => {
    const name = (key: string) => {
      const channel = volume.by === "channel" ? CHANNELS.find((each) => each === key) : undefined;
      return channel
        ? t(`channels.${channel}`)
        : key === "und"
          ? t("unknownLanguage")
          : languageName(key, i18n.language);
    };
    return volumeData(volume, name, i18n.language);
  }, [volume, t, i18n.language]);
  return (
    <ChartCard
      id={`volume-by-${volume.by}`}
      name={t(`volumeBy.${volume.by}`)}
      definition={t("definition.volume")}
      point={t("day")}
      data={data}
      others={t(`others.${volume.by}`)}
    />
  );
}

export function BacklogChart({ overview }: { overview: Overview }) {
  const { t, i18n } = useTranslation("reports");
  const data = useMemo(() => backlogData(overview, t("tickets"), i18n.language), [overview, t, i18n.language]);
  return (
    <ChartCard
      id="backlog-by-day"
      name={t("metric.backlog_by_day")}
      definition={t("definition.backlog_by_day")}
      point={t("day")}
      data={data}
    />
  );
}

type Clock = keyof typeof desk.sla.metric;

export function ComplianceChart({ overview }: { overview: Overview }) {
  const { t } = useTranslation(["reports", "desk"]);
  const data = useMemo(
    () =>
      complianceData(overview, (id) => t(`desk:sla.metric.${id as Clock}`, { defaultValue: id }), {
        met: t("met"),
        breached: t("breached"),
      }),
    [overview, t],
  );
  return (
    <ChartCard
      id="service-levels"
      name={t("metric.sla_compliance")}
      definition={t("definition.sla_compliance")}
      point={t("clock")}
      data={data}
    />
  );
}
