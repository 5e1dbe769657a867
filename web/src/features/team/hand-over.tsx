import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Agent, BulkJob } from "@/lib/api/types.ts";
import { useAttempt } from "@/lib/use-attempt.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField } from "@/ui/field.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { isRunning, jobQuery, unsolvedOf } from "./queries.ts";

/** All unsolved tickets of somebody who is away given to somebody else, or back to the queue; and taken back. */
export function HandOver({ agent, team }: { agent: Agent; team: readonly Agent[] }) {
  const { t } = useTranslation("team");
  const [to, setTo] = useState("");
  const [job, setJob] = useState<string | null>(null);
  // The same press sent once more is not a second job.
  const keyed = useAttempt();
  const start = useMutation({
    mutationFn: async (): Promise<BulkJob> =>
      keyed(to, (key) =>
        answer(
          tickets.POST("/api/bulk", {
            params: { header: { "idempotency-key": key } },
            body: {
              selection: { q: unsolvedOf(agent), zone: "UTC" },
              actions: { assignee_id: to || null, add_tags: [], remove_tags: [], set: {} },
              dry_run: false,
            },
          }),
        ),
      ),
    onSuccess: ({ id }) => setJob(id),
  });
  const others = team.filter((each) => each.active && each.id !== agent.id);
  return (
    <section
      aria-label={t("handOverOf", { name: agent.name })}
      className="flex flex-col gap-3 border-t border-line pt-4"
    >
      <h3 className="font-medium">{t("handOver")}</h3>
      <p className="text-sm text-ink-soft">{t("handOverHint")}</p>
      <div className="flex items-end gap-2">
        <div className="min-w-0 flex-1">
          <ChoiceField label={t("to")} value={to} onChange={(event) => setTo(event.target.value)}>
            <option value="">{t("toQueue")}</option>
            {others.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </ChoiceField>
        </div>
        <Button look="primary" onClick={() => start.mutate()} disabled={start.isPending}>
          {t("handOver")}
        </Button>
      </div>
      <ProblemText error={start.error} />
      {job && <JobState key={job} id={job} onUndo={setJob} />}
    </section>
  );
}

function JobState({ id, onUndo }: { id: string; onUndo: (id: string) => void }) {
  const { t } = useTranslation("team");
  const queryClient = useQueryClient();
  const { data: job, error } = useQuery(jobQuery(id));
  const isOver = job !== undefined && !isRunning(job);
  useEffect(() => {
    if (isOver) {
      void queryClient.invalidateQueries({ queryKey: ["team"], predicate: ({ queryKey }) => queryKey[1] !== "job" });
    }
  }, [isOver, queryClient]);
  const undo = useMutation({
    mutationFn: async (): Promise<BulkJob> =>
      answer(tickets.POST("/api/bulk/{job_id}/undo", { params: { path: { job_id: id } } })),
    onSuccess: (job) => onUndo(job.id),
  });
  const progress = job?.progress;
  return (
    <div className="flex flex-wrap items-center justify-between gap-2 rounded-md bg-hover px-3 py-2 text-sm">
      <p role="status">
        {progress &&
          (isOver
            ? [
                t("done", { count: progress.changed }),
                ...(progress.refused > 0 ? [t("refused", { count: progress.refused })] : []),
              ].join(" · ")
            : t("working", { done: progress.total - progress.waiting, total: progress.total }))}
      </p>
      {isOver && job.kind === "change" && job.progress.changed > 0 && (
        <Button onClick={() => undo.mutate()} disabled={undo.isPending}>
          {t("undo")}
        </Button>
      )}
      <ProblemText error={error ?? undo.error} />
    </div>
  );
}
