import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleDot, Clock, Flag, Tag, UserRound, Users, X } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { agentsQuery } from "@/features/ticket/queries.ts";
import { statusOf } from "@/lib/api/problem.ts";
import type { BulkBody, Count, KeptView, Session } from "@/lib/api/types.ts";
import { useAttempt } from "@/lib/use-attempt.ts";
import { Button } from "@/ui/button.tsx";
import { Menu, MenuItem } from "@/ui/menu.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { begin, colleagues, selectionOf } from "./bulk-query.ts";
import { BulkTags } from "./bulk-tags.tsx";
import { useCountText } from "./count.tsx";
import type { Source } from "./source.ts";
import type { Selection } from "./use-selection.ts";
import { stillThe } from "./views-query.ts";

interface BulkBarProps {
  selection: Selection;
  source: Source;
  view: KeptView | null;
  total: Count | null;
  session: Session;
  onJob: (id: string) => void;
}

type Actions = BulkBody["actions"];

const STATUSES = ["open", "pending", "on_hold", "solved"] as const;
const PRIORITIES = ["low", "normal", "high", "urgent"] as const;
const HOUR = 3_600_000;
const SPANS = { hours: 4 * HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR } as const;

/** What can be done with everything that is selected. */
export default function BulkBar({ selection, source, view, total, session, onJob }: BulkBarProps) {
  const { t } = useTranslation(["inbox", "desk"]);
  const countText = useCountText();
  const agents = useQuery(agentsQuery);
  const queryClient = useQueryClient();
  // The view by which the tickets were chosen.
  const seen = useRef<KeptView | null>(null);
  seen.current ??= view;
  // The same press sent twice is one job.
  const keyed = useAttempt();
  const change = useMutation({
    mutationFn: async (actions: Actions) => {
      if (selection.isAll && source.kind === "kept") {
        await stillThe(seen.current, queryClient);
      }
      const body = { selection: selectionOf(selection, source, seen.current), actions, dry_run: false };
      return keyed(body, (key) => begin(body, key));
    },
    onSuccess: (job) => {
      selection.clear();
      onJob(job.id);
    },
    onError: (error) => {
      if (statusOf(error) === 412) {
        // It is told, and what it lists now is shown: the next press goes by that.
        seen.current = null;
      }
    },
  });
  const act = (actions: Partial<Actions>) => change.mutate({ add_tags: [], remove_tags: [], set: {}, ...actions });
  const people = colleagues(agents.data ?? [], session);
  const groups = [...new Set((agents.data ?? []).flatMap((agent) => agent.groups))].sort();
  const chosen =
    selection.isAll && total ? countText(total) : countText({ count: selection.count, exactness: "exact" });

  return (
    <section
      aria-label={t("bulk.label")}
      className="flex flex-col gap-1 border-b border-line bg-accent-soft px-3 py-2 text-sm"
    >
      <div className="flex items-center gap-2">
        <span role="status" className="font-medium">
          {t("bulk.selected", { count: selection.count, number: chosen })}
        </span>
        {!selection.isAll && total && total.count > selection.count && (
          <button
            type="button"
            onClick={selection.all}
            className="min-h-6 truncate rounded-sm text-accent hover:underline"
          >
            {t("bulk.all", { number: countText(total) })}
          </button>
        )}
        <span className="flex-1" />
        <Button look="quiet" size="icon" aria-label={t("key.clear")} onClick={selection.clear}>
          <X aria-hidden className="size-4" />
        </Button>
      </div>
      <div className="-ms-1 flex flex-wrap items-center gap-1" inert={change.isPending}>
        <Menu label={t("desk:ticket.status")} trigger={<CircleDot aria-hidden className="size-4" />}>
          {STATUSES.map((status) => (
            <MenuItem key={status} label={t(`desk:status.${status}`)} onAction={() => act({ set: { status } })} />
          ))}
        </Menu>
        <Menu label={t("desk:ticket.assignee")} trigger={<UserRound aria-hidden className="size-4" />}>
          <MenuItem
            label={t("desk:ticket.me", { name: session.name })}
            onAction={() => act({ assignee_id: session.account_id })}
          />
          <MenuItem label={t("desk:ticket.unassigned")} onAction={() => act({ assignee_id: null })} />
          {people.map(({ id, name }) => (
            <MenuItem key={id} label={name} onAction={() => act({ assignee_id: id })} />
          ))}
        </Menu>
        <Menu label={t("bulk.priority")} trigger={<Flag aria-hidden className="size-4" />}>
          {PRIORITIES.map((priority) => (
            <MenuItem
              key={priority}
              label={t(`desk:priority.${priority}`)}
              onAction={() => act({ set: { priority } })}
            />
          ))}
        </Menu>
        <Menu label={t("bulk.group")} trigger={<Users aria-hidden className="size-4" />}>
          <MenuItem label={t("bulk.noGroup")} onAction={() => act({ set: { group: null } })} />
          {groups.map((group) => (
            <MenuItem key={group} label={group} onAction={() => act({ set: { group } })} />
          ))}
        </Menu>
        <BulkTags trigger={<Tag aria-hidden className="size-4" />} onTags={act} />
        <Menu label={t("bulk.snooze")} trigger={<Clock aria-hidden className="size-4" />}>
          {(Object.keys(SPANS) as (keyof typeof SPANS)[]).map((span) => (
            <MenuItem
              key={span}
              label={t(`bulk.until.${span}`)}
              onAction={() => act({ snooze_until: new Date(Date.now() + SPANS[span]).toISOString() })}
            />
          ))}
          <MenuItem label={t("bulk.wake")} onAction={() => act({ snooze_until: null })} />
        </Menu>
      </div>
      <ProblemText error={change.error} />
    </section>
  );
}
