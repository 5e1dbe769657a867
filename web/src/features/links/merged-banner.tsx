import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { GitMerge } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ticketQuery } from "@/features/ticket/queries.ts";
import type { Ticket } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { mergeProblem, useUnmerge } from "./use-merge.ts";

/** Where a ticket went that is part of another one, and the way back. */
export function MergedBanner({ ticket, into }: { ticket: Ticket; into: string }) {
  const { t } = useTranslation(["links", "desk"]);
  const target = useQuery(ticketQuery(into));
  const undo = useUnmerge();
  return (
    <section
      aria-label={t("merge.into")}
      className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line bg-canvas px-4 py-2 text-sm lg:px-6"
    >
      <GitMerge aria-hidden className="size-4 shrink-0 text-ink-faint" />
      <p className="min-w-0 flex-1">
        {t("merge.into")}{" "}
        <Link to="." search={(search) => ({ ...search, ticket: into })} className="font-medium text-accent underline">
          {target.data ? (
            <>
              #{target.data.number} <bdi>{target.data.subject}</bdi>
            </>
          ) : (
            t("merge.another")
          )}
        </Link>
      </p>
      <Button onClick={() => undo.mutate({ source: ticket.id, target: into })} disabled={undo.isPending}>
        {t("merge.undo")}
      </Button>
      <div role="alert" className="w-full text-bad empty:hidden">
        {undo.error && mergeProblem(t, undo.error)}
      </div>
    </section>
  );
}
