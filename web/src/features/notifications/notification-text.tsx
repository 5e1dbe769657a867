import {
  AlarmClock,
  AtSign,
  CircleCheck,
  Lock,
  type LucideIcon,
  MailWarning,
  MessageSquare,
  Reply,
  RotateCcw,
  UserRoundCheck,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import { formatExact, formatWhen } from "@/lib/format.ts";
import type { Notification } from "./queries.ts";

const SIGNS = {
  assigned: UserRoundCheck,
  mentioned: AtSign,
  answered: MessageSquare,
  replied: Reply,
  solved: CircleCheck,
  closed: Lock,
  reopened: RotateCcw,
  woken: AlarmClock,
  undelivered: MailWarning,
} as const satisfies Record<Notification["kind"], LucideIcon>;

/** The text that says what happened: nobody is named where routing gave a ticket. */
export function textOf(item: Notification): Notification["kind"] | "routed" {
  return item.kind === "assigned" && item.author === "" ? "routed" : item.kind;
}

/** What happened, at which ticket, and when. */
export function NotificationText({ item, subject }: { item: Notification; subject: string | undefined }) {
  const { t, i18n } = useTranslation("notifications");
  const Sign = SIGNS[item.kind];
  return (
    <span className="flex items-start gap-2.5">
      <span className="grid size-7 shrink-0 place-items-center rounded-full bg-accent-soft text-accent-strong">
        <Sign aria-hidden className="size-4" />
      </span>
      <span className="flex min-w-0 flex-1 flex-col">
        <span className="flex items-baseline gap-2 text-sm">
          <span className="min-w-0 flex-1">{t(textOf(item), { author: `\u2068${item.author}\u2069` })}</span>
          <time
            dateTime={item.created_at}
            title={formatExact(item.created_at, i18n.language)}
            className="shrink-0 text-xs text-ink-faint tabular-nums"
          >
            {formatWhen(item.created_at, i18n.language, Date.now())}
          </time>
        </span>
        <span className="flex min-w-0 gap-1.5 text-sm text-ink-soft">
          <span className="tabular-nums">#{item.ticket_number}</span>
          {subject && (
            <bdi className="min-w-0 truncate font-medium text-ink" title={subject}>
              {subject}
            </bdi>
          )}
        </span>
      </span>
    </span>
  );
}
