import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Sla } from "@/lib/api/types.ts";
import { useClock } from "./clock.ts";
import { slaLook } from "./due.ts";

interface SlaAnnouncerProps {
  number: number;
  sla: Sla;
}

/** Tells assistive technology, once each, that the deadline of the open ticket comes near and that it has passed. */
export function SlaAnnouncer({ number, sla }: SlaAnnouncerProps) {
  const { t } = useTranslation(["desk", "panel"]);
  const look = useClock((now) => slaLook(sla, now));
  // What was so already when the ticket was opened is read with the badge.
  const [first] = useState(`${sla.metric} ${look}`);
  const isNews = first !== `${sla.metric} ${look}`;
  const metric = sla.metric === null ? t("sla.clock") : t(`sla.metric.${sla.metric}`);
  return (
    <div role="status" className="sr-only">
      {isNews && (look === "warned" || look === "overdue") && t(`panel:due.announce.${look}`, { metric, number })}
    </div>
  );
}
