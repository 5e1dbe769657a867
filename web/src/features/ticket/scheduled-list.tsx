import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CalendarClock, CircleAlert, Undo2, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import { ApiError, slugOf, statusOf } from "@/lib/api/problem.ts";
import type { Scheduled } from "@/lib/api/types.ts";
import { formatExact } from "@/lib/format.ts";
import { Button } from "@/ui/button.tsx";
import { ticketKeys } from "./queries.ts";
import { dismissedReplies, dismissReply, isWaiting, scheduledQuery } from "./scheduled-queries.ts";
import { SendLaterSheet } from "./send-later-sheet.tsx";

/** A reply this near to leaving is counted down. */
const NEAR_SECONDS = 90;
const REFUSED_MS = 24 * 3_600_000;

interface ScheduledListProps {
  ticketId: string;
  /** Whoever writes here: a reply of theirs that is taken back is theirs again. */
  accountId: string;
  onTakenBack: (reply: Scheduled) => void;
}

/** Replies that leave later, each to be taken back or to be moved, and those that were to leave and could not. */
export function ScheduledList({ ticketId, accountId, onTakenBack }: ScheduledListProps) {
  const { t } = useTranslation("ticket");
  const queryClient = useQueryClient();
  const replies = useQuery(scheduledQuery(ticketId));
  const [dismissed, setDismissed] = useState(() => dismissedReplies(accountId));
  // What is being taken back is shown until the server has said so: it is its author's only copy.
  const [leftHere, setLeftHere] = useState<readonly string[]>([]);
  const waiting = replies.data?.filter((reply) => isWaiting(reply) || leftHere.includes(reply.id)) ?? [];
  const refused = (replies.data ?? []).filter(
    (reply) =>
      reply.state === "refused" &&
      reply.author.id === accountId &&
      Date.now() - Date.parse(reply.settled_at ?? "") < REFUSED_MS &&
      !dismissed.includes(reply.id),
  );

  const count = waiting.length;
  const known = useRef(0);
  useEffect(() => {
    const left = count < known.current;
    known.current = count;
    // What waits no more may be in the thread by now.
    if (left) {
      void queryClient.invalidateQueries({ queryKey: ticketKeys.one(ticketId), exact: true });
      void queryClient.invalidateQueries({ queryKey: ticketKeys.messages(ticketId) });
    }
  }, [count, queryClient, ticketId]);

  if (waiting.length + refused.length === 0) {
    return null;
  }
  return (
    <ul aria-label={t("later.label")} className="mx-auto mb-2 flex max-h-40 max-w-180 flex-col gap-2 overflow-y-auto">
      {refused.map((reply) => (
        <li key={reply.id} className="flex items-start gap-2 rounded-md bg-bad-soft px-3 py-2 text-sm text-bad">
          <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />
          <span className="min-w-0 flex-1">
            {reply.reason === "answered-meanwhile" ? t("later.answered") : t("later.refused")}
            <Excerpt text={reply.text} />
          </span>
          <Button
            onClick={() => {
              onTakenBack(reply);
              setDismissed(dismissReply(accountId, reply.id));
            }}
          >
            {t("later.putBack")}
          </Button>
          <Button
            look="quiet"
            size="icon"
            aria-label={t("later.dismiss")}
            onClick={() => setDismissed(dismissReply(accountId, reply.id))}
          >
            <X aria-hidden className="size-4" />
          </Button>
        </li>
      ))}
      {waiting.map((reply) => (
        <WaitingItem
          key={reply.id}
          reply={reply}
          isMine={reply.author.id === accountId}
          onTakenBack={onTakenBack}
          onTaking={(isTaking) =>
            setLeftHere((ids) => [...ids.filter((id) => id !== reply.id), ...(isTaking ? [reply.id] : [])])
          }
        />
      ))}
    </ul>
  );
}

interface WaitingItemProps {
  reply: Scheduled;
  isMine: boolean;
  onTakenBack: (reply: Scheduled) => void;
  /** That it is asked for, and that the server has answered that. */
  onTaking: (isTaking: boolean) => void;
}

function WaitingItem({ reply, isMine, onTakenBack, onTaking }: WaitingItemProps) {
  const { t, i18n } = useTranslation("ticket");
  const queryClient = useQueryClient();
  const [isMoving, setMoving] = useState(false);
  const seconds = useSecondsUntil(Date.parse(reply.release_at));
  const path = { ticket_id: reply.ticket_id, scheduled_id: reply.id };
  const settled = () => queryClient.invalidateQueries({ queryKey: ticketKeys.scheduled(reply.ticket_id) });

  const takeBack = useMutation({
    onMutate: () => onTaking(true),
    mutationFn: () => answer(tickets.DELETE("/api/tickets/{ticket_id}/scheduled/{scheduled_id}", { params: { path } })),
    onSuccess: (taken) => {
      if (isMine) {
        onTakenBack(taken);
      }
      onTaking(false);
    },
    onError: (error) => onTaking(statusOf(error) === null),
    onSettled: settled,
  });
  const move = useMutation({
    mutationFn: (sendAt: string) =>
      answer(
        tickets.PATCH("/api/tickets/{ticket_id}/scheduled/{scheduled_id}", {
          params: { path, header: { "if-match": `"${reply.version}"` } },
          body: { send_at: sendAt },
        }),
      ),
    onSettled: settled,
  });
  const error = takeBack.error ?? move.error;
  const isNear = seconds <= NEAR_SECONDS;
  const when = formatExact(reply.release_at, i18n.language);

  return (
    <li className="flex flex-wrap items-center gap-x-2 gap-y-1 rounded-md border border-line bg-accent-soft py-1.5 ps-3 pe-1.5 text-sm">
      <CalendarClock aria-hidden className="size-4 shrink-0 text-accent-strong" />
      <span className="min-w-0 flex-1 basis-48">
        <span className="font-medium tabular-nums">
          {!isNear
            ? t("later.leaves", { when, name: reply.author.name })
            : seconds > 0
              ? t("later.countdown", { count: seconds })
              : t("later.leaving")}
        </span>
        <Excerpt text={reply.text} />
        {error && (
          <span role="alert" className="block text-bad">
            {slugOf(error) === "already-released" || slugOf(error) === "not-waiting"
              ? t("later.tooLate")
              : error instanceof ApiError
                ? error.message
                : t("composer.unreachable")}
          </span>
        )}
      </span>
      {!isNear && <Button onClick={() => setMoving(true)}>{t("later.changeTime")}</Button>}
      <Button onClick={() => takeBack.mutate()} disabled={takeBack.isPending}>
        <Undo2 aria-hidden className="size-4 rtl:-scale-x-100" />
        {t("later.takeBack")}
      </Button>
      {isMoving && (
        <SendLaterSheet
          at={reply.release_at}
          onClose={() => setMoving(false)}
          onChoose={(sendAt) => {
            setMoving(false);
            move.mutate(sendAt);
          }}
        />
      )}
    </li>
  );
}

function Excerpt({ text }: { text: string }) {
  return (
    <span dir="auto" className="page-start block truncate text-xs text-ink-soft">
      {text}
    </span>
  );
}

/** Whole seconds until then, counted down while it is near. */
function useSecondsUntil(time: number): number {
  const secondsLeft = () => Math.max(0, Math.ceil((time - Date.now()) / 1000));
  const [seconds, setSeconds] = useState(secondsLeft);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(Math.max(0, Math.ceil((time - Date.now()) / 1000))), 250);
    return () => clearInterval(timer);
  }, [time]);
  return seconds;
}
