import { CheckCheck, CircleAlert, Clock, Eye, FileText, Lock } from "lucide-react";
import { lazy, memo, Suspense, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { MessageMenu } from "@/features/links/message-menu.tsx";
import type { Message } from "@/lib/api/types.ts";
import { formatExact, formatWhen } from "@/lib/format.ts";
import { Avatar } from "@/ui/avatar.tsx";
import { Button } from "@/ui/button.tsx";
import { MessageFiles } from "./message-files.tsx";
import { Original } from "./original.tsx";
import { RichText } from "./rich-text.tsx";

// Hardly any mail is signed or encrypted: what is said of it is fetched with the first that is.
const SecurityBadge = lazy(() => import("./security-badge.tsx"));

const BOXES = {
  customer: "bg-canvas",
  reply: "bg-accent-soft",
  note: "bg-note-soft border border-note-line",
} as const;

/** One message. What a customer wrote is shown as text; their mail as they formatted it is a frame of its own. */
export const MessageItem = memo(function MessageItem({ message }: { message: Message }) {
  const { t, i18n } = useTranslation("ticket");
  const [isOriginal, setOriginal] = useState(false);
  const original = useId();
  const isMail = message.kind === "customer" && message.channel === "email";
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
  const toggle = {
    onClick: () => setOriginal(!isOriginal),
    "aria-expanded": isOriginal,
    ...(isOriginal && { "aria-controls": original }),
  };
  const toggleLabel = isOriginal ? t("original.hide") : t("original.show");
  return (
    <li className="group/message">
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
            {message.security && (
              <Suspense>
                <SecurityBadge security={message.security} />
              </Suspense>
            )}
            <span className="-my-1 ms-auto flex">
              {isMail && !message.quoted && (
                <Button look="quiet" size="icon" aria-label={toggleLabel} title={toggleLabel} {...toggle}>
                  <FileText aria-hidden className="size-4" />
                </Button>
              )}
              <MessageMenu message={message} />
            </span>
          </div>
          <div className={`rounded-md px-3 py-2 ${BOXES[message.kind]}`}>
            <RichText text={message.text} html={message.html} />
            {message.text_truncated && <p className="pt-2 text-xs text-ink-soft">{t("thread.truncated")}</p>}
          </div>
          {message.cc.length > 0 && (
            <p className="pt-1 text-xs text-ink-faint">
              {t("thread.copies", { addresses: new Intl.ListFormat(i18n.language).format(message.cc) })}
            </p>
          )}
          {message.attachments.length > 0 && <MessageFiles files={message.attachments} />}
          {isMail && message.quoted && (
            <div className="pt-1">
              <Button look="quiet" {...toggle}>
                {toggleLabel}
              </Button>
            </div>
          )}
          {isOriginal && <Original message={message} id={original} />}
          {message.kind === "reply" && message.delivery_detail && (
            <p dir="auto" className="page-start pt-1 text-xs break-words text-bad">
              {message.delivery_detail}
              {(message.delivery_state === "failed" || message.delivery_state === "bounced") && (
                <span className="block">{t("thread.deliveryHint")}</span>
              )}
            </p>
          )}
        </div>
      </article>
    </li>
  );
});

function Delivery({ message }: { message: Message }) {
  const { t } = useTranslation("ticket");
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
    case "bounced":
      return (
        <span className="inline-flex items-center gap-1 font-medium text-bad">
          <CircleAlert aria-hidden className="size-3" />
          {t("thread.delivery.bounced")}
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
