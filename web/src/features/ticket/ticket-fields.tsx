import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Level, Priority, Ticket } from "@/lib/api/types.ts";
import { type Choice, Select } from "@/ui/select.tsx";
import { Property } from "./property.tsx";
import { agentsQuery } from "./queries.ts";
import { lifecycleQuery, typeName } from "./settings.ts";
import { TagsField } from "./tags-field.tsx";
import type { TicketEdit } from "./use-ticket-edit.ts";

const PRIORITIES: Priority[] = ["urgent", "high", "normal", "low"];
const LEVELS: Level[] = ["high", "medium", "low"];
const NONE = "-";
const DERIVED = "derived";

/** The fields that every ticket has, each changed in its place. */
export function TicketFields({ ticket, edit }: { ticket: Ticket; edit: TicketEdit }) {
  const { t } = useTranslation(["desk", "panel"]);
  const isDisabled = ticket.status === "closed";
  const fitting: Choice<Priority | typeof DERIVED>[] = PRIORITIES.map((id) => ({
    id,
    label: t(`panel:priority.${id}`),
  }));
  // Set by hand, it can be given back to urgency and impact.
  const derived = { id: DERIVED, label: t("panel:priority.derived") } as const;
  const canDerive = ticket.priority_by_hand && ticket.urgency !== null && ticket.impact !== null;
  return (
    <div className="flex flex-col gap-1">
      <TypeField ticket={ticket} edit={edit} />
      <Property label={t("panel:field.priority")} name="priority">
        <Select<Priority | typeof DERIVED>
          look="quiet"
          label={t("panel:field.priority")}
          value={ticket.priority}
          choices={canDerive ? [...fitting, derived] : fitting}
          onChange={(to) =>
            to === DERIVED
              ? edit.set({ priority: null }, { priority_by_hand: false })
              : edit.set({ priority: to }, { priority: to, priority_by_hand: true })
          }
          isDisabled={isDisabled}
        />
      </Property>
      {(["urgency", "impact"] as const).map((name) => (
        <LevelField
          key={name}
          label={t(`panel:field.${name}`)}
          value={ticket[name]}
          onChange={(level) => edit.set({ [name]: level }, { [name]: level })}
          isDisabled={isDisabled}
        />
      ))}
      <Property label={t("panel:field.group")}>
        <GroupField
          value={ticket.group}
          onChange={(group) => edit.set({ group }, { group })}
          look="quiet"
          isDisabled={isDisabled}
        />
      </Property>
      <Property label={t("panel:field.tags")} name="tags">
        <TagsField tags={ticket.tags} onChange={(tags) => edit.set({ tags }, { tags })} isDisabled={isDisabled} />
      </Property>
    </div>
  );
}

function TypeField({ ticket, edit }: { ticket: Ticket; edit: TicketEdit }) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const lifecycle = useQuery(lifecycleQuery);
  const own = lifecycle.data?.types ?? [];
  const current = { key: ticket.type_key, category: ticket.type, labels: ticket.type_labels };
  const active = own.filter((type) => type.active !== false);
  const shown = active.some((type) => type.key === current.key) ? active : [current, ...active];
  return (
    <Property label={t("panel:field.type")}>
      <Select
        look="quiet"
        label={t("panel:field.type")}
        value={ticket.type_key}
        choices={shown.map((type) => ({ id: type.key, label: typeName(t, type, type.category, i18n.language) }))}
        onChange={(key) => {
          const to = own.find((type) => type.key === key);
          if (to && key !== ticket.type_key) {
            edit.set({ type_key: key }, { type: to.category, type_key: key, type_labels: to.labels });
          }
        }}
        isDisabled={ticket.status === "closed"}
      />
    </Property>
  );
}

interface LevelFieldProps {
  label: string;
  value: Level | null;
  onChange: (level: Level | null) => void;
  isDisabled?: boolean;
}

/** How urgent it is, or how far it reaches. */
export function LevelField({ label, value, onChange, isDisabled = false }: LevelFieldProps) {
  const { t } = useTranslation(["desk", "panel"]);
  const choices: Choice<Level | typeof NONE>[] = [
    { id: NONE, label: t("panel:none") },
    ...LEVELS.map((id) => ({ id, label: t(`panel:level.${id}`) })),
  ];
  return (
    <Property label={label}>
      <Select
        look="quiet"
        label={label}
        value={value ?? NONE}
        choices={choices}
        onChange={(level) => onChange(level === NONE ? null : level)}
        isDisabled={isDisabled}
      />
    </Property>
  );
}

interface GroupFieldProps {
  value: string | null;
  onChange: (group: string | null) => void;
  look?: "plain" | "quiet";
  isDisabled?: boolean;
}

/** The group a ticket belongs to: one that somebody here is in. */
export function GroupField({ value, onChange, look = "plain", isDisabled = false }: GroupFieldProps) {
  const { t } = useTranslation(["desk", "panel"]);
  const agents = useQuery(agentsQuery);
  const groups = useMemo(() => {
    const known = new Set((agents.data ?? []).flatMap((agent) => agent.groups));
    if (value !== null) {
      known.add(value);
    }
    return [...known].sort();
  }, [agents.data, value]);
  // No group is called by a blank.
  const choices = [{ id: " ", label: t("panel:none") }, ...groups.map((id) => ({ id, label: id }))];
  return (
    <Select
      look={look}
      label={t("panel:field.group")}
      value={value ?? " "}
      choices={choices}
      onChange={(group) => onChange(group === " " ? null : group)}
      isDisabled={isDisabled}
    />
  );
}
