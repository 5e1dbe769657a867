import { useTranslation } from "react-i18next";
import type { Status } from "@/lib/api/types.ts";
import { Badge, type Tone } from "@/ui/badge.tsx";

const TONES: Record<Status, Tone> = {
  new: "accent",
  open: "accent",
  pending: "neutral",
  on_hold: "neutral",
  solved: "good",
  closed: "neutral",
};

export function StatusBadge({ status }: { status: Status }) {
  const { t } = useTranslation();
  return <Badge tone={TONES[status]}>{t(`status.${status}`)}</Badge>;
}
