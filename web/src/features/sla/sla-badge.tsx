import type { TFunction } from "i18next";
import { AlarmClock, CircleCheck, CirclePause, Clock, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Sla } from "@/lib/api/types.ts";
import { Badge, type Tone } from "@/ui/badge.tsx";
import { useClock } from "./clock.ts";
import { formatSpan, type SlaLook, slaLook } from "./due.ts";

const TONES: Record<SlaLook, Tone> = {
  none: "neutral",
  running: "neutral",
  warned: "warn",
  overdue: "bad",
  paused: "neutral",
  met: "good",
};

const ICONS = { running: Clock, warned: AlarmClock, overdue: TriangleAlert, paused: CirclePause, met: CircleCheck };

/** The next deadline of a ticket, counting down. Its state is in its words and its shape, not only in its colour. */
export function SlaBadge({ sla }: { sla: Sla }) {
  const { t, i18n } = useTranslation();
  const look = useClock((now) => slaLook(sla, now));
  const span = useClock((now) =>
    sla.next_due_at === null ? "" : formatSpan(Date.parse(sla.next_due_at) - now, i18n.language),
  );
  if (look === "none") {
    return null;
  }
  const Icon = ICONS[look];
  return (
    <Badge tone={TONES[look]} icon={<Icon aria-hidden className="size-3" />} title={metricName(t, sla)}>
      <span className="sr-only">{metricName(t, sla)}: </span>
      {words(t, look, span)}
    </Badge>
  );
}

function words(t: TFunction, look: SlaLook, span: string): string {
  switch (look) {
    case "running":
      return t("sla.running", { span });
    case "warned":
      return t("sla.warned", { span });
    case "overdue":
      return span === "" ? t("sla.overdue") : t("sla.overdueBy", { span });
    case "paused":
      return t("sla.paused");
    default:
      return t("sla.met");
  }
}

function metricName(t: TFunction, sla: Sla): string {
  return sla.metric === null ? t("sla.clock") : t(`sla.metric.${sla.metric}`);
}
