import { useQuery } from "@tanstack/react-query";
import { Timer } from "lucide-react";
import { useTranslation } from "react-i18next";
import { statusOf } from "@/lib/api/problem.ts";
import type { SlaClock } from "@/lib/api/types.ts";
import { formatExact } from "@/lib/format.ts";
import { Badge, type Tone } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { Popover } from "@/ui/popover.tsx";
import { clocksQuery } from "./clocks-query.ts";
import { formatSpan } from "./due.ts";
import { spansOf } from "./spans.ts";

/** "Why is it due then?": each clock, what it allows, and what it counted. */
export function ClocksPopover({ ticketId }: { ticketId: string }) {
  const { t } = useTranslation(["desk", "panel"]);
  const trigger = (
    <>
      <Timer aria-hidden className="size-4" />
      {t("panel:due.why")}
    </>
  );
  return (
    <Popover trigger={trigger} title={t("panel:due.title")} width="w-96">
      <Clocks ticketId={ticketId} />
    </Popover>
  );
}

function Clocks({ ticketId }: { ticketId: string }) {
  const { t } = useTranslation(["desk", "panel"]);
  const clocks = useQuery(clocksQuery(ticketId));
  if (clocks.isPending) {
    return <div role="status" aria-label={t("common.loading")} className="shimmer h-24" />;
  }
  if (clocks.isError && statusOf(clocks.error) !== 404) {
    return (
      <div role="alert" className="flex flex-col items-start gap-2 text-sm">
        {t("panel:due.error")}
        <Button onClick={() => void clocks.refetch()}>{t("common.retry")}</Button>
      </div>
    );
  }
  const all = clocks.data?.clocks ?? [];
  if (all.length === 0) {
    return <p className="text-sm text-ink-soft">{t("panel:due.none")}</p>;
  }
  return all.map((clock) => <Clock key={clock.metric} clock={clock} />);
}

const TONES: Record<SlaClock["state"], Tone> = {
  running: "accent",
  paused: "neutral",
  met: "good",
  breached: "bad",
  cancelled: "neutral",
};

function Clock({ clock }: { clock: SlaClock }) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const span = (seconds: number) => formatSpan(seconds * 1000, i18n.language);
  const facts = (
    [
      ["counted", span(clock.counted_seconds)],
      [clock.remaining_seconds < 0 ? "over" : "left", span(clock.remaining_seconds)],
      ["started", exact(clock.started_at)],
      ["dueAt", exact(clock.due_at)],
      ["warned", exact(clock.warned_at)],
      ["breached", exact(clock.breached_at)],
      ["stopped", exact(clock.stopped_at)],
    ] as const
  ).filter((fact) => fact[1] !== null);
  return (
    <section className="flex flex-col gap-2 border-t border-line pt-3 text-sm">
      <h3 className="flex items-center justify-between gap-2 font-medium">
        {t(`sla.metric.${clock.metric}`)}
        <Badge tone={TONES[clock.state]}>{t(`panel:due.state.${clock.state}`)}</Badge>
      </h3>
      <p className="text-ink-soft">
        {t("panel:due.promise", { policy: clock.policy, target: span(clock.target_seconds) })}
      </p>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 text-xs">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-soft">{t(`panel:due.${name}`)}</dt>
            <dd className="text-end tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      <h4 className="text-xs text-ink-soft">{t("panel:due.times")}</h4>
      <ul className="flex flex-col gap-0.5 text-xs tabular-nums">
        {spansOf(clock).map((each) => (
          <li key={each.start + each.counts} className={each.counts ? "" : "text-ink-faint"}>
            {!each.counts && `${t("panel:due.pause")}: `}
            {exact(each.start)} – {each.end === null ? t("panel:due.now") : exact(each.end)}
          </li>
        ))}
      </ul>
    </section>
  );

  function exact(moment: string | null): string | null {
    return moment === null ? null : formatExact(moment, i18n.language);
  }
}
