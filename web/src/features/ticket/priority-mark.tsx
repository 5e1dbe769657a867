import { ChevronDown, ChevronsUp, ChevronUp } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Priority } from "@/lib/api/types.ts";

const MARKS = {
  low: { Icon: ChevronDown, colour: "text-ink-faint" },
  high: { Icon: ChevronUp, colour: "text-warn" },
  urgent: { Icon: ChevronsUp, colour: "text-bad" },
};

/** An arrow for a priority other than normal; its name for those who do not see it. */
export function PriorityMark({ priority }: { priority: Priority }) {
  const { t } = useTranslation();
  if (priority === "normal") {
    return null;
  }
  const { Icon, colour } = MARKS[priority];
  return (
    <span className={`shrink-0 ${colour}`} title={t(`priority.${priority}`)}>
      <Icon aria-hidden className="size-4" />
      <span className="sr-only">{t(`priority.${priority}`)}</span>
    </span>
  );
}
