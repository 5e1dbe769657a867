import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Undo2, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { ticketKeys } from "@/features/ticket/queries.ts";
import type { BulkItem, BulkJob } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { cancel, isOver, jobQuery, NAMED, refusedQuery, undo } from "./bulk-query.ts";
import { countsQuery } from "./views-query.ts";

interface JobPanelProps {
  id: string;
  onOpen: (ticket: string) => void;
  onJob: (id: string) => void;
  onClose: () => void;
}

/** How far a change of many tickets is, which of them were refused and why, and the way back. */
export default function JobPanel({ id, onOpen, onJob, onClose }: JobPanelProps) {
  const { t, i18n } = useTranslation(["inbox", "desk"]);
  const queryClient = useQueryClient();
  const job = useQuery(jobQuery(id));
  const progress = job.data?.progress;
  const over = job.data !== undefined && isOver(job.data);
  const refused = useQuery(refusedQuery(id, over && (progress?.refused ?? 0) > 0));
  const key = useRef(crypto.randomUUID());
  const back = useMutation({ mutationFn: () => undo(id, key.current), onSuccess: (made) => onJob(made.id) });
  const stop = useMutation({
    mutationFn: () => cancel(id),
    onSuccess: (stopped) => queryClient.setQueryData(jobQuery(id).queryKey, stopped),
  });
  useEffect(() => {
    // Searches hear nothing of what does not belong any more.
    if (over) {
      void queryClient.invalidateQueries({ queryKey: ticketKeys.all });
      void queryClient.invalidateQueries({ queryKey: countsQuery.queryKey });
    }
  }, [over, queryClient]);

  if (progress === undefined || job.data === undefined) {
    return (
      <section aria-label={t("job.label")} className="border-t border-line bg-raised px-4 py-3 empty:hidden">
        {job.error && <ProblemText error={job.error} />}
      </section>
    );
  }
  const number = (count: number) => new Intl.NumberFormat(i18n.language).format(count);
  const done = progress.total - progress.waiting;
  return (
    <section
      aria-label={t("job.label")}
      className="flex max-h-1/2 flex-col gap-2 border-t border-line bg-raised px-4 py-3 text-sm"
    >
      <div className="flex items-center gap-2">
        <p role="status" className="flex-1 font-medium">
          {over ? outcome(job.data) : t("job.running", { done: number(done), total: number(progress.total) })}
        </p>
        {!over && (
          <Button onClick={() => stop.mutate()} disabled={stop.isPending}>
            {t("job.cancel")}
          </Button>
        )}
        {over && job.data.kind === "change" && progress.changed > 0 && (
          <Button onClick={() => back.mutate()} disabled={back.isPending}>
            <Undo2 aria-hidden className="size-4 rtl:-scale-x-100" />
            {t("job.undo")}
          </Button>
        )}
        <Button look="quiet" size="icon" aria-label={t("desk:common.close")} onClick={onClose}>
          <X aria-hidden className="size-4" />
        </Button>
      </div>
      {!over && (
        <progress aria-label={t("job.label")} max={progress.total} value={done} className="h-1 w-full accent-accent" />
      )}
      {progress.refused > 0 && over && (
        <ul aria-label={t("job.refused")} className="flex min-h-0 flex-col gap-1 overflow-y-auto">
          {refused.data?.map((item) => (
            <RefusedTicket key={item.ticket_id} item={item} onOpen={onOpen} />
          ))}
          {progress.refused > NAMED && (
            <li className="text-ink-faint">{t("job.more", { count: progress.refused - NAMED })}</li>
          )}
        </ul>
      )}
      <ProblemText error={back.error ?? stop.error ?? refused.error ?? job.error} />
    </section>
  );

  function outcome({ kind, state }: BulkJob): string {
    const { changed = 0, unchanged = 0, refused: not = 0, skipped = 0 } = progress ?? {};
    const words = [
      t(kind === "undo" ? "job.putBack" : "job.changed", { count: changed }),
      ...(unchanged > 0 ? [t("job.unchanged", { count: unchanged })] : []),
      ...(not > 0 ? [t("job.refusedCount", { count: not })] : []),
      ...(state === "cancelled" ? [t("job.skipped", { count: skipped })] : []),
    ];
    return words.join(" · ");
  }
}

function RefusedTicket({ item, onOpen }: { item: BulkItem; onOpen: (ticket: string) => void }) {
  const { t } = useTranslation("inbox");
  return (
    <li className="flex items-baseline gap-2">
      <button
        type="button"
        onClick={() => onOpen(item.ticket_id)}
        className="min-h-6 shrink-0 rounded-sm text-accent tabular-nums hover:underline"
      >
        {item.number === null ? t("job.gone") : `#${item.number}`}
      </button>
      <span dir="auto" className="page-start min-w-0 text-ink-soft">
        {item.problem?.detail}
      </span>
    </li>
  );
}
