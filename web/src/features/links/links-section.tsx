import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { PanelSection } from "@/features/ticket/property.tsx";
import { StatusBadge } from "@/features/ticket/status-badge.tsx";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Link as LinkView, Merge, Ticket } from "@/lib/api/types.ts";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { linksQuery, mergesQuery, refresh } from "./queries.ts";
import { mergeProblem, useUnmerge } from "./use-merge.ts";

/** What other tickets are to this one, and what was merged into it. */
export function LinksSection({ ticket }: { ticket: Ticket }) {
  const { t } = useTranslation(["links", "desk"]);
  const links = useQuery(linksQuery(ticket.id));
  const merges = useQuery(mergesQuery(ticket.id));
  const isEmpty = links.data?.length === 0 && merges.data?.length === 0;
  return (
    <PanelSection title={t("title")}>
      {(links.isError || merges.isError) && (
        <div role="alert" className="flex flex-col items-start gap-2 text-sm">
          {t("error")}
          <Button onClick={() => void Promise.all([links.refetch(), merges.refetch()])}>
            {t("desk:common.retry")}
          </Button>
        </div>
      )}
      {isEmpty && <p className="text-sm text-ink-faint">{t("none")}</p>}
      <ul className="flex flex-col gap-2 empty:hidden">
        {links.data?.map((link) => (
          <Linked key={link.id} ticketId={ticket.id} link={link} />
        ))}
        {merges.data?.map((merge) => (
          <MergedHere key={merge.id + merge.merged_at} ticketId={ticket.id} merge={merge} />
        ))}
      </ul>
    </PanelSection>
  );
}

function Linked({ ticketId, link }: { ticketId: string; link: LinkView }) {
  const { t } = useTranslation(["links", "desk"]);
  const queryClient = useQueryClient();
  const remove = useMutation({
    mutationFn: () =>
      answer(
        tickets.DELETE("/api/tickets/{ticket_id}/links/{link_id}", {
          params: { path: { ticket_id: ticketId, link_id: link.id } },
        }),
      ),
    onSuccess: () => refresh(queryClient, [ticketId, link.ticket.id]),
  });
  return (
    <li className="flex items-start gap-2">
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-1.5 text-xs text-ink-soft">
          {t(`relation.${link.relation}`)}
          {link.blocks && <Badge tone="warn">{t("blocks")}</Badge>}
          <StatusBadge status={link.ticket.status} />
        </div>
        <OtherTicket id={link.ticket.id} number={link.ticket.number} subject={link.ticket.subject} />
        <div role="alert" className="text-xs text-bad empty:hidden">
          {remove.isError && t("failed")}
        </div>
      </div>
      <button
        type="button"
        aria-label={t("unlink", { number: link.ticket.number })}
        onClick={() => remove.mutate()}
        disabled={remove.isPending}
        className="grid size-6 shrink-0 place-items-center rounded-sm text-ink-faint hover:bg-hover hover:text-ink"
      >
        <X aria-hidden className="size-3.5" />
      </button>
    </li>
  );
}

function MergedHere({ ticketId, merge }: { ticketId: string; merge: Merge }) {
  const { t } = useTranslation(["links", "desk"]);
  const undo = useUnmerge();
  return (
    <li className="flex items-start gap-2">
      <div className="min-w-0 flex-1">
        <p className="text-xs text-ink-soft">
          {t("merge.here")}
          {merge.undone_at !== null && ` (${t("merge.isUndone")})`}
        </p>
        <OtherTicket id={merge.id} number={merge.number} subject={merge.subject} />
        <div role="alert" className="text-xs text-bad empty:hidden">
          {undo.error && mergeProblem(t, undo.error)}
        </div>
      </div>
      {merge.undone_at === null && (
        <Button
          look="quiet"
          onClick={() => undo.mutate({ source: merge.id, target: ticketId })}
          disabled={undo.isPending}
        >
          {t("merge.undo")}
        </Button>
      )}
    </li>
  );
}

/** A ticket by number and subject, opened in the place of this one. */
export function OtherTicket({ id, number, subject }: { id: string; number: number; subject: string }) {
  const { t } = useTranslation();
  return (
    <Link
      to="."
      search={(search) => ({ ...search, ticket: id })}
      className="block truncate rounded-sm text-sm hover:underline"
    >
      <span className="text-ink-faint tabular-nums">#{number}</span> <bdi>{subject || t("ticket.noSubject")}</bdi>
    </Link>
  );
}
