import { useQuery } from "@tanstack/react-query";
import { Waypoints } from "lucide-react";
import { useTranslation } from "react-i18next";
import { statusOf } from "@/lib/api/problem.ts";
import type { RoutingDecision } from "@/lib/api/types.ts";
import { formatExact } from "@/lib/format.ts";
import { Button } from "@/ui/button.tsx";
import { Popover } from "@/ui/popover.tsx";
import { routingQuery } from "./queries.ts";
import { type RoutingReason, tellReasons } from "./routing-reasons.ts";

/** "Why did this come to me?": the latest routing decision. */
export function RoutingPopover({ ticketId }: { ticketId: string }) {
  const { t } = useTranslation(["ticket", "desk"]);
  const trigger = (
    <>
      <Waypoints aria-hidden className="size-4" />
      {t("routing.why")}
    </>
  );
  return (
    <Popover trigger={trigger} title={t("routing.title")} width="w-96">
      <Explanation ticketId={ticketId} />
    </Popover>
  );
}

function Explanation({ ticketId }: { ticketId: string }) {
  const { t } = useTranslation(["ticket", "desk"]);
  const decisions = useQuery(routingQuery(ticketId));
  if (decisions.isPending) {
    return <div role="status" aria-label={t("desk:common.loading")} className="shimmer h-16" />;
  }
  const latest = decisions.data?.[0];
  if (decisions.isError && statusOf(decisions.error) !== 404) {
    return (
      <div role="alert" className="flex flex-col items-start gap-2 text-sm">
        {t("routing.error")}
        <Button onClick={() => void decisions.refetch()}>{t("desk:common.retry")}</Button>
      </div>
    );
  }
  return latest ? <Decision decision={latest} /> : <p className="text-sm text-ink-soft">{t("routing.none")}</p>;
}

function Decision({ decision }: { decision: RoutingDecision }) {
  const { t, i18n } = useTranslation(["ticket", "desk"]);
  const chosen = decision.candidates.find((candidate) => candidate.agent_id === decision.assignee_id);
  return (
    <div className="flex flex-col gap-3 text-sm">
      <p>
        {decision.assignee_id
          ? t("routing.chosen", { name: chosen?.name ?? t("routing.somebody") })
          : t("routing.nobody", { queue: decision.queue })}
        <span className="block text-xs text-ink-faint">{formatExact(decision.decided_at, i18n.language)}</span>
      </p>
      <Reasons english={decision.reasons} explained={decision.explained} />
      {decision.candidates.length > 0 && (
        <div className="flex flex-col gap-2 border-t border-line pt-3">
          <h3 className="text-xs font-medium text-ink-soft">{t("routing.candidates")}</h3>
          <ul className="flex flex-col gap-2">
            {decision.candidates.map((candidate) => (
              <li key={candidate.agent_id} className="grid grid-cols-[1fr_auto] gap-x-3">
                <bdi className={candidate.agent_id === decision.assignee_id ? "font-medium" : ""}>{candidate.name}</bdi>
                <span className="text-ink-soft tabular-nums">
                  {candidate.score == null
                    ? t("routing.leftOut")
                    : new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 2 }).format(candidate.score)}
                </span>
                <div className="col-span-2">
                  <Reasons english={candidate.reasons} explained={candidate.explained} />
                </div>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function Reasons({ english, explained }: { english: readonly string[]; explained: readonly RoutingReason[] }) {
  const { i18n } = useTranslation(["ticket", "panel"]);
  return (
    <ul className="flex flex-col gap-0.5 text-xs text-ink-soft">
      {tellReasons(english, explained, i18n).map((reason) => (
        <li key={reason} dir="auto">
          {reason}
        </li>
      ))}
    </ul>
  );
}
