import { useMutation, useQueryClient } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import { statusOf } from "@/lib/api/problem.ts";
import type { SolvedIncidents, Ticket } from "@/lib/api/types.ts";
import { useAttempt } from "@/lib/use-attempt.ts";
import { Button } from "@/ui/button.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { refresh } from "./queries.ts";

/** A problem is solved and its incidents are not: offers to solve them, with a word to their customers. */
export function IncidentsBanner({ ticket }: { ticket: Ticket }) {
  const { t } = useTranslation("links");
  const [isOpen, setOpen] = useState(false);
  return (
    <section
      aria-label={t("relation.incident")}
      className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line bg-warn-soft px-4 py-2 text-sm text-warn lg:px-6"
    >
      <TriangleAlert aria-hidden className="size-4 shrink-0" />
      <p role="status" className="min-w-0 flex-1">
        {t("incidents.open", { count: ticket.open_incidents })}
      </p>
      <Button onClick={() => setOpen(true)}>{t("incidents.offer")}</Button>
      {isOpen && <IncidentsSheet ticket={ticket} onClose={() => setOpen(false)} />}
    </section>
  );
}

function IncidentsSheet({ ticket, onClose }: { ticket: Ticket; onClose: () => void }) {
  const { t } = useTranslation(["links", "desk"]);
  const queryClient = useQueryClient();
  const keyed = useAttempt();
  const [left, setLeft] = useState(ticket.open_incidents);
  const solve = useMutation({
    mutationFn: async (reply: string) => {
      let solved = 0;
      const refused: SolvedIncidents["refused"] = [];
      let after: string | null = null;
      do {
        const body = { after, ...(reply && { reply }) };
        const part: SolvedIncidents = await keyed(body, (key) => {
          const params = { path: { ticket_id: ticket.id }, header: { "idempotency-key": key } };
          return answer(tickets.POST("/api/tickets/{ticket_id}/incidents/solve", { params, body }));
        });
        solved += part.solved;
        refused.push(...part.refused);
        setLeft(part.remaining);
        after = part.next;
      } while (after !== null);
      return { solved, refused };
    },
  });
  const leave = () => {
    // Not before: the banner, and this with it, goes once no incident is left.
    refresh(queryClient, [ticket.id]);
    onClose();
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    solve.mutate(String(new FormData(event.currentTarget).get("reply")).trim());
  };

  if (solve.data) {
    return (
      <Sheet title={t("incidents.title")} isOpen onClose={leave}>
        <p role="status" className="text-sm">
          {t("incidents.done", { count: solve.data.solved })}
        </p>
        {solve.data.refused.length > 0 && (
          <div className="flex flex-col gap-1 text-sm">
            <p className="text-bad">{t("incidents.refused")}</p>
            <ul className="flex flex-col gap-1">
              {solve.data.refused.map((each) => (
                <li key={each.id}>
                  <span className="tabular-nums">#{each.number}</span>: {each.detail}
                </li>
              ))}
            </ul>
          </div>
        )}
        <div className="flex justify-end">
          <Button look="primary" onClick={leave}>
            {t("merge.close")}
          </Button>
        </div>
      </Sheet>
    );
  }
  return (
    <Sheet title={t("incidents.title")} isOpen onClose={leave}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <label className="flex flex-col gap-1 text-xs text-ink-soft">
          {t("incidents.reply")}
          <textarea
            name="reply"
            dir="auto"
            rows={4}
            className="rounded-sm border border-control bg-surface px-2 py-1 text-sm text-ink"
          />
          <span className="text-ink-faint">{t("incidents.replyHint")}</span>
        </label>
        <p role="status" className="text-sm text-ink-soft empty:hidden">
          {solve.isPending && t("incidents.working", { count: left })}
        </p>
        <div role="alert" className="text-sm text-bad empty:hidden">
          {solve.error && (statusOf(solve.error) === 403 ? t("desk:ticket.forbidden") : t("failed"))}
        </div>
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={leave}>{t("cancel")}</Button>
          <Button look="primary" type="submit" disabled={solve.isPending}>
            {t("incidents.submit")}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}
