import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { FieldInput, type FieldValue } from "@/features/fields/field-input.tsx";
import type { Ticket, TicketPatch } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { Button } from "@/ui/button.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { Select } from "@/ui/select.tsx";
import { editProblem, fieldName, fieldProblemWords } from "./edit-problems.ts";
import { Property } from "./property.tsx";
import { agentsQuery, assignable } from "./queries.ts";
import type { Held } from "./send-over.ts";
import { fieldsQuery, statusName } from "./settings.ts";
import { TagsField } from "./tags-field.tsx";
import { GroupField, LevelField } from "./ticket-fields.tsx";
import type { TicketEdit } from "./use-ticket-edit.ts";

interface HeldSheetProps {
  ticket: Ticket;
  edit: TicketEdit;
  held: Held;
}

/** What the organisation asks for before a change, such as of the status; given, the change is made with it. */
export function HeldSheet({ ticket, edit, held }: HeldSheetProps) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const settings = useQuery(fieldsQuery);
  const agents = useQuery(agentsQuery);
  const own = settings.data?.fields ?? [];
  const [given, setGiven] = useState<TicketPatch>(held.patch);
  const [assignee, setAssignee] = useState(ticket.assignee);
  const give = (patch: TicketPatch) => setGiven((known) => ({ ...known, ...patch }));
  const status = held.shown.status ?? ticket.status;
  const to = { key: held.shown.status_key ?? status, labels: held.shown.status_labels ?? {} };

  const title =
    held.shown.status === undefined
      ? t("panel:held.more")
      : t("panel:held.title", { status: statusName(t, to, status, i18n.language) });

  const submit = () => {
    if (assignee !== null && assignee.id !== ticket.assignee?.id) {
      edit.assign(assignee);
    }
    edit.setHeld(given);
  };

  const control = (name: string) => {
    const label = fieldName(t, name, own, i18n.language);
    switch (name) {
      case "group":
        return (
          <Property key={name} label={label}>
            <GroupField value={given.group ?? ticket.group} onChange={(group) => give({ group })} />
          </Property>
        );
      case "tags":
        return (
          <Property key={name} label={label}>
            <TagsField tags={given.tags ?? ticket.tags} onChange={(tags) => give({ tags })} />
          </Property>
        );
      case "urgency":
      case "impact":
        return (
          <LevelField
            key={name}
            label={label}
            value={given[name] ?? ticket[name]}
            onChange={(level) => give({ [name]: level })}
          />
        );
      case "assignee":
        return (
          <Property key={name} label={label}>
            <Select
              label={label}
              value={assignee?.id ?? ""}
              choices={assignable(agents.data ?? []).map(({ id, name }) => ({ id, label: name }))}
              onChange={(id) => setAssignee(agents.data?.find((agent) => agent.id === id) ?? null)}
            />
          </Property>
        );
      case "language":
        return (
          <p key={name} className="text-sm text-ink-soft">
            {t("panel:held.language")}
          </p>
        );
      default: {
        const field = own.find((each) => `fields.${each.key}` === name);
        const problem = field && edit.fieldProblems.get(field.key);
        const value = field && ((given.fields?.[field.key] ?? null) as FieldValue);
        return (
          field && (
            <Property key={name} label={labelOf(field.labels, i18n.language, field.key)}>
              <FieldInput
                field={field}
                label={label}
                value={value ?? null}
                onChange={(next) => {
                  give({ fields: { ...given.fields, [field.key]: next } });
                  return undefined;
                }}
                problem={problem && fieldProblemWords(t, problem)}
                isRequired
              />
            </Property>
          )
        );
      }
    }
  };

  return (
    <Sheet title={title} isOpen onClose={edit.letGo}>
      <p className="text-sm text-ink-soft">{t("panel:held.hint")}</p>
      <div className="flex flex-col gap-2">{held.fields.map(control)}</div>
      <div role="alert" className="text-sm text-bad empty:hidden">
        {edit.error && editProblem(edit.error, { t, locale: i18n.language, agents: agents.data ?? [] })}
      </div>
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={edit.letGo}>{t("panel:cancel")}</Button>
        <Button look="primary" onClick={submit} disabled={edit.isSaving}>
          {t("panel:held.submit")}
        </Button>
      </div>
    </Sheet>
  );
}
