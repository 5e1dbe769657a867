import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Session, TicketRow } from "@/lib/api/types.ts";
import { type Choice, Select } from "@/ui/select.tsx";
import { agentsQuery, assignable } from "./queries.ts";

const NOBODY = "nobody";

interface AssigneeSelectProps {
  ticket: TicketRow;
  session: Session;
  onChange: (assignee: { id: string; name: string } | null) => void;
}

/** Who has the ticket: oneself first, then the others by name. */
export function AssigneeSelect({ ticket, session, onChange }: AssigneeSelectProps) {
  const { t, i18n } = useTranslation();
  const agents = useQuery(agentsQuery);
  const people = useMemo(() => {
    const known = new Map(assignable(agents.data ?? []).map((agent) => [agent.id, agent.name]));
    if (session.role !== "customer") {
      known.set(session.account_id, session.name);
    }
    if (ticket.assignee) {
      known.set(ticket.assignee.id, ticket.assignee.name);
    }
    const byName = new Intl.Collator(i18n.language).compare;
    return [...known].sort(([a, nameA], [b, nameB]) =>
      a === session.account_id ? -1 : b === session.account_id ? 1 : byName(nameA, nameB),
    );
  }, [agents.data, session, ticket.assignee, i18n.language]);

  const choices: Choice<string>[] = [
    { id: NOBODY, label: t("ticket.unassigned") },
    ...people.map(([id, name]) => ({ id, label: id === session.account_id ? t("ticket.me", { name }) : name })),
  ];
  return (
    <Select
      label={t("ticket.assignee")}
      value={ticket.assignee?.id ?? NOBODY}
      choices={choices}
      onChange={(id) => onChange(id === NOBODY ? null : { id, name: people.find(([each]) => each === id)?.[1] ?? "" })}
      isDisabled={ticket.status === "closed"}
    />
  );
}
