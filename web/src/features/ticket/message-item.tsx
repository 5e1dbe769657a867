import { CheckCheck, CircleAlert, Clock, Eye, Lock } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/lib/api/types.ts";
import { formatExact, formatWhen } from "@/lib/format.ts";
import { Avatar } from "@/ui/avatar.tsx";

const BOXES = {
  customer: "bg-canvas",
  reply: "bg-accent-soft",
  note: "bg-note-soft border border-note-line",
} as const;

/** One message. Its text is shown as text: nothing in it is ever read as markup. */
export function MessageItem({ message }: { message: Message }) {
  const { t, i18n } = useTranslation();
  const author = message.author.name || t(`thread.author.${message.author.kind}`);
  if (message.kind === "system") {
    return (
      <li className="text-center text-xs text-ink-faint">
        <span dir="auto">{message.text}</span>{" "}
        <time dateTime={message.added_at}>{formatWhen(message.added_at, i18n.language, Date.now())}</time>
      </li>
    );
  }
  const tone = ({ customer: "neutral", reply: "accent", note: "note" } as const)[message.kind];
  return (
    <li>
      <article
        aria-label={t("thread.message", { kind: t(`thread.kind.${message.kind}`), author })}
        className="flex gap-3"
      >
        <Avatar name={author} tone={tone} />
        <div className="min-w-0 flex-1">
          <div className="flex flex-wrap items-center gap-x-2 pb-1 text-xs text-ink-faint">
            <bdi className="text-sm font-medium text-ink">{author}</bdi>
            <span className={message.kind === "note" ? "inline-flex items-center gap-1 font-medium text-note" : ""}>
              {message.kind === "note" && <Lock aria-hidden className="size-3" />}
              {t(`thread.kind.${message.kind}`)}
            </span>
            <time dateTime={message.added_at} title={formatExact(message.added_at, i18n.language)}>
              {formatWhen(message.added_at, i18n.language, Date.now())}
            </time>
            {message.kind === "reply" && <Delivery message={message} />}
          </div>
          <div dir="auto" className={`rounded-md px-3 py-2 break-words whitespace-pre-wrap ${BOXES[message.kind]}`}>
            {message.text}
          </div>
        </div>
      </article>
    </li>
  );
}

function Delivery({ message }: { message: Message }) {
  const { t } = useTranslation();
  switch (message.delivery_state) {
    case "delivered":
      return (
        <span className="inline-flex items-center gap-1">
          <CheckCheck aria-hidden className="size-3" />
          {t("thread.delivery.delivered")}
        </span>
      );
    case "failed":
      return (
        <span className="inline-flex items-center gap-1 font-medium text-bad">
          <CircleAlert aria-hidden className="size-3" />
          {t("thread.delivery.failed")}
        </span>
      );
    case "available":
      return (
        <span className="inline-flex items-center gap-1">
          <Eye aria-hidden className="size-3" />
          {t("thread.delivery.available")}
        </span>
      );
    case "queued":
      return (
        <span className="inline-flex items-center gap-1">
          <Clock aria-hidden className="size-3" />
          {t("thread.delivery.queued")}
        </span>
      );
    default:
      return null;
  }
}
