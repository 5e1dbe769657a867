import { useQuery } from "@tanstack/react-query";
import { ArrowDown, ArrowUp, CloudOff } from "lucide-react";
import { Fragment, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { sessionQuery } from "@/features/session/session.ts";
import type { Message } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Notice } from "@/ui/notice.tsx";
import { MessageItem } from "./message-item.tsx";
import { messagesQuery } from "./queries.ts";
import { beginsDay, dayName, firstNew, lastLooked } from "./thread-marks.ts";
import { useLooked } from "./use-looked.ts";

/** Reading within this many pixels of the end means waiting for what comes next. */
const NEAR_END = 120;
/** Messages that are in the document at first, and how many come with each step back. */
const STEP = 50;

/** What was said, oldest first, opened at the end. New messages scroll into sight only for those who read there. */
export function Thread({ ticketId }: { ticketId: string }) {
  const { t } = useTranslation(["ticket", "desk"]);
  const messages = useQuery(messagesQuery(ticketId));

  if (messages.data !== undefined) {
    return <Messages ticketId={ticketId} messages={messages.data.items} />;
  }
  return (
    <section aria-label={t("thread.label")} className="min-h-0 flex-1 px-4 py-4 lg:px-6">
      {messages.isError ? (
        <Notice
          isError
          icon={<CloudOff aria-hidden className="size-6" />}
          title={t("thread.error")}
          onRetry={() => void messages.refetch()}
        />
      ) : (
        <div role="status" aria-label={t("desk:common.loading")} className="flex flex-col gap-5">
          <div className="shimmer h-20 w-4/5" />
          <div className="shimmer h-14 w-3/5" />
        </div>
      )}
    </section>
  );
}

function Messages({ ticketId, messages }: { ticketId: string; messages: readonly Message[] }) {
  const { t, i18n } = useTranslation("ticket");
  const accountId = useQuery(sessionQuery).data?.account_id ?? "";
  const scroller = useRef<HTMLElement>(null);
  const content = useRef<HTMLOListElement>(null);
  const atEnd = useRef(true);
  const [isAtEnd, setAtEnd] = useState(true);
  const [hidden, setHidden] = useState(() => Math.max(0, messages.length - STEP));
  const [opened] = useState(() => ({ count: messages.length, looked: lastLooked(accountId, ticketId) }));
  const newest = messages.at(-1)?.added_at;
  const mark = firstNew(messages.slice(0, opened.count), opened.looked, accountId);
  const fromEnd = useRef<number | null>(null);

  useLooked(accountId, ticketId, newest);

  useLayoutEffect(() => {
    const [box, list] = [scroller.current, content.current];
    if (box === null || list === null) {
      return undefined;
    }
    // Pictures and formatted mails get their height later; whoever reads at the end stays there.
    const follow = new ResizeObserver(() => {
      if (atEnd.current) {
        box.scrollTop = box.scrollHeight;
      }
    });
    follow.observe(list);
    follow.observe(box);
    return () => follow.disconnect();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: once more messages are above, sight stays where it was
  useLayoutEffect(() => {
    if (scroller.current !== null && fromEnd.current !== null) {
      scroller.current.scrollTop = scroller.current.scrollHeight - fromEnd.current;
      fromEnd.current = null;
    }
  }, [hidden]);

  const showEarlier = () => {
    if (scroller.current !== null && hidden > 0) {
      fromEnd.current = scroller.current.scrollHeight - scroller.current.scrollTop;
      setHidden(Math.max(0, hidden - STEP));
    }
  };
  const jump = () => {
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
    scroller.current?.focus({ preventScroll: true });
  };
  useCommand({ id: "ticket:newest", group: "ticket", label: t("thread.newest"), run: jump, enabled: !isAtEnd });
  const [seen, setSeen] = useState(messages.length);
  const arrived = messages.length - seen;
  if (isAtEnd && arrived !== 0) {
    setSeen(messages.length);
  }

  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <section
        ref={scroller}
        aria-label={t("thread.label")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={({ currentTarget: at }) => {
          atEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_END;
          setAtEnd(atEnd.current);
        }}
        className="min-h-0 flex-1 overflow-y-auto px-4 py-4 -outline-offset-2 lg:px-6"
      >
        {hidden > 0 && (
          <div className="flex justify-center pb-4">
            <Button look="quiet" onClick={showEarlier}>
              <ArrowUp aria-hidden className="size-4" />
              {t("thread.earlier", { count: Math.min(hidden, STEP) })}
            </Button>
          </div>
        )}
        <ol ref={content} className="mx-auto flex max-w-180 flex-col gap-5">
          {messages.slice(hidden).map((message, at) => (
            <Fragment key={message.id}>
              {beginsDay(message, messages[hidden + at - 1]) && (
                <Separator>{dayName(message.added_at, i18n.language, Date.now())}</Separator>
              )}
              {message.id === mark && <Separator isNew>{t("thread.new")}</Separator>}
              <MessageItem message={message} />
            </Fragment>
          ))}
        </ol>
      </section>
      {!isAtEnd && (
        <div className="pointer-events-none absolute inset-x-0 bottom-3 flex justify-center">
          <span className="pointer-events-auto rounded-sm bg-surface shadow-pop">
            <Button look={arrived > 0 ? "primary" : "plain"} onClick={jump}>
              <ArrowDown aria-hidden className="size-4" />
              {arrived > 0 ? t("thread.arrived", { count: arrived }) : t("thread.newest")}
            </Button>
          </span>
        </div>
      )}
      <Arrival messages={messages} accountId={accountId} />
    </div>
  );
}

/** A line between messages, and what is below it. */
function Separator({ children, isNew = false }: { children: string; isNew?: boolean }) {
  return (
    <li
      className={`flex items-center gap-3 text-xs before:h-px before:flex-1 after:h-px after:flex-1 ${isNew ? "font-medium text-accent-strong before:bg-accent after:bg-accent" : "text-ink-faint before:bg-line after:bg-line"}`}
    >
      <span className="first-letter:uppercase">{children}</span>
    </li>
  );
}

/** Tells assistive technology of what others have just written, once. */
export function Arrival({ messages, accountId }: { messages: readonly Message[]; accountId: string }) {
  const { t } = useTranslation("ticket");
  const [known, setKnown] = useState({ length: messages.length, came: 0 });
  const came = messages.slice(known.length).filter(({ author }) => author.id !== accountId).length;
  if (messages.length !== known.length) {
    setKnown({ length: messages.length, came });
  }
  const last = messages.at(-1);
  const words =
    known.came > 0 &&
    last &&
    last.author.id !== accountId &&
    last.kind !== "system" &&
    t("thread.message", {
      kind: t(`thread.kind.${last.kind}`),
      author: last.author.name || t(`thread.author.${last.author.kind}`),
    });
  // A second one of the same person is in the same words: an element of its own is told of all the same.
  return (
    <p role="status" className="sr-only">
      {words && (
        <span key={last.id}>{known.came > 1 ? `${t("thread.arrived", { count: known.came })}: ${words}` : words}</span>
      )}
    </p>
  );
}
