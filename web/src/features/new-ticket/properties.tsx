import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { agentsQuery, assignable } from "@/features/ticket/queries.ts";
import { typeName } from "@/features/ticket/settings.ts";
import { TagsField } from "@/features/ticket/tags-field.tsx";
import type { Level, Lifecycle, Priority, Session } from "@/lib/api/types.ts";
import { ChoiceField } from "@/ui/field.tsx";
import { type NewTicket, typeOf } from "./new-ticket.ts";
import type { Problems } from "./problems.ts";

const PRIORITIES: Priority[] = ["urgent", "high", "normal", "low"];
const LEVELS: Level[] = ["high", "medium", "low"];

interface PropertiesProps {
  ticket: NewTicket;
  session: Session;
  lifecycle: Lifecycle;
  onChange: (part: Partial<NewTicket>) => void;
  problems: Problems;
}

/** What every ticket has beside its words: none of it has to be given. */
export function Properties({ ticket, session, lifecycle, onChange, problems }: PropertiesProps) {
  const { t, i18n } = useTranslation(["newTicket", "desk", "panel"]);
  const { t: desk } = useTranslation(["desk", "panel"]);
  const key = typeOf(ticket, lifecycle.types);
  const types = lifecycle.types.filter((type) => type.active !== false || type.key === key);
  return (
    <div className="grid items-start gap-4 md:grid-cols-2">
      <ChoiceField
        label={t("panel:field.type")}
        value={key}
        onChange={(event) => onChange({ type: event.target.value })}
        problem={problems.get("type")}
      >
        {types.map((type) => (
          <option key={type.key} value={type.key}>
            {typeName(desk, type, type.category, i18n.language)}
          </option>
        ))}
      </ChoiceField>
      <ChoiceField
        label={t("panel:field.priority")}
        value={ticket.priority ?? ""}
        onChange={(event) => onChange({ priority: (event.target.value || null) as Priority | null })}
        problem={problems.get("priority")}
      >
        <option value="">{t("automatic")}</option>
        {PRIORITIES.map((each) => (
          <option key={each} value={each}>
            {t(`panel:priority.${each}`)}
          </option>
        ))}
      </ChoiceField>
      {(["urgency", "impact"] as const).map((name) => (
        <ChoiceField
          key={name}
          label={t(`panel:field.${name}`)}
          value={ticket[name] ?? ""}
          onChange={(event) => onChange({ [name]: event.target.value || null })}
          problem={problems.get(name)}
        >
          <option value="">{t("panel:none")}</option>
          {LEVELS.map((level) => (
            <option key={level} value={level}>
              {t(`panel:level.${level}`)}
            </option>
          ))}
        </ChoiceField>
      ))}
      <People ticket={ticket} session={session} onChange={onChange} problems={problems} />
      <div className="flex min-w-0 flex-col gap-1 md:col-span-2">
        <span className="text-xs text-ink-soft">{t("panel:field.tags")}</span>
        <TagsField tags={ticket.tags} onChange={(tags) => onChange({ tags })} />
        <span className="text-xs text-bad empty:hidden">{problems.get("tags")}</span>
      </div>
    </div>
  );
}

/** Which group has it, and who. */
function People({ ticket, session, onChange, problems }: Omit<PropertiesProps, "lifecycle">) {
  const { t, i18n } = useTranslation(["newTicket", "desk", "panel", "page"]);
  const agents = useQuery(agentsQuery);
  const failed = agents.isError ? t("page:loadFailed") : undefined;
  const groups = new Set((agents.data ?? []).flatMap((agent) => agent.groups));
  if (ticket.group !== null) {
    groups.add(ticket.group);
  }
  const people = new Map(assignable(agents.data ?? []).map(({ id, name }) => [id, name]));
  // Who was chosen when this was begun may be gone by now.
  const isGone = agents.isSuccess && ticket.assignee !== null && !people.has(ticket.assignee);
  useEffect(() => {
    if (isGone) {
      onChange({ assignee: null });
    }
  });
  const isMe = people.delete(session.account_id);
  const byName = new Intl.Collator(i18n.language).compare;
  return (
    <>
      <ChoiceField
        label={t("panel:field.group")}
        value={ticket.group ?? ""}
        onChange={(event) => onChange({ group: event.target.value || null })}
        problem={problems.get("group") ?? failed}
      >
        <option value="">{t("panel:none")}</option>
        {[...groups].sort(byName).map((group) => (
          <option key={group} value={group}>
            {group}
          </option>
        ))}
      </ChoiceField>
      <ChoiceField
        label={t("desk:ticket.assignee")}
        value={ticket.assignee ?? ""}
        onChange={(event) => onChange({ assignee: event.target.value || null })}
        problem={failed}
      >
        <option value="">{t("routed")}</option>
        {isMe && <option value={session.account_id}>{t("desk:ticket.me", { name: session.name })}</option>}
        {[...people]
          .sort(([, a], [, b]) => byName(a, b))
          .map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
      </ChoiceField>
    </>
  );
}
