import { useQuery } from "@tanstack/react-query";
import { CloudOff } from "lucide-react";
import { useLayoutEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Notice } from "@/ui/notice.tsx";
import { MessageItem } from "./message-item.tsx";
import { messagesQuery } from "./queries.ts";

/** Reading within this many pixels of the end means waiting for what comes next. */
const NEAR_END = 120;

/** What was said, oldest first, opened at the end. New messages scroll into sight only for those who read there. */
export function Thread({ ticketId }: { ticketId: string }) {
  const { t } = useTranslation();
  const messages = useQuery(messagesQuery(ticketId));
  const scroller = useRef<HTMLElement>(null);
  const atEnd = useRef(true);
  const count = messages.data?.items.length ?? 0;

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element !== null && count > 0 && atEnd.current) {
      element.scrollTop = element.scrollHeight;
    }
  }, [count]);

  return (
    <section
      ref={scroller}
      aria-label={t("thread.label")}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      onScroll={({ currentTarget: at }) => {
        atEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_END;
      }}
      className="min-h-0 flex-1 overflow-y-auto px-4 py-4 -outline-offset-2 lg:px-6"
    >
      {messages.data !== undefined ? (
        <ol className="mx-auto flex max-w-180 flex-col gap-5" aria-live="polite" aria-relevant="additions">
          {messages.data.items.map((message) => (
            <MessageItem key={message.id} message={message} />
          ))}
        </ol>
      ) : messages.isError ? (
        <Notice
          isError
          icon={<CloudOff aria-hidden className="size-6" />}
          title={t("thread.error")}
          onRetry={() => void messages.refetch()}
        />
      ) : (
        <div role="status" aria-label={t("common.loading")} className="flex flex-col gap-5">
          <div className="shimmer h-20 w-4/5" />
          <div className="shimmer h-14 w-3/5" />
        </div>
      )}
    </section>
  );
}
