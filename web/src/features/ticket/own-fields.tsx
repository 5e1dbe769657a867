import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { FieldInput, type FieldValue } from "@/features/fields/field-input.tsx";
import { type Form, type OwnField, shownFields } from "@/features/fields/shown.ts";
import type { FieldDefinition, Ticket } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { fieldProblemWords } from "./edit-problems.ts";
import { PanelSection, Property } from "./property.tsx";
import { fieldsQuery } from "./settings.ts";
import type { TicketEdit } from "./use-ticket-edit.ts";

/** The organisation's own fields that this ticket has, as its form shows them; each kept when it is complete. */
export function OwnFields({ ticket, edit }: { ticket: Ticket; edit: TicketEdit }) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const settings = useQuery(fieldsQuery);
  const fields: FieldDefinition[] = settings.data?.fields ?? [];
  const shown = shownFields(
    fields as readonly OwnField[],
    (settings.data?.forms ?? []) as readonly Form[],
    { ...ticket },
    ticket.fields,
    new Date(),
  );
  const visible = fields.filter((field) => shown.get(field.key)?.visible);
  // A field that the server asks for although it is not shown here must not be wrong in silence.
  const hidden = [...edit.fieldProblems].filter(([key]) => !shown.get(key)?.visible);
  if (visible.length === 0 && hidden.length === 0) {
    return null;
  }
  return (
    <PanelSection title={t("panel:own.title")}>
      <div className="flex flex-col gap-2">
        {visible.map((field) => {
          const label = labelOf(field.labels, i18n.language, field.key);
          const isRequired = shown.get(field.key)?.required ?? false;
          const problem = edit.fieldProblems.get(field.key);
          return (
            <Property key={field.key} label={isRequired ? `${label} *` : label} name={`fields.${field.key}`}>
              <FieldInput
                field={field}
                label={isRequired ? `${label} (${t("panel:own.required")})` : label}
                value={(ticket.fields[field.key] ?? null) as FieldValue}
                onChange={(value) => {
                  const fields = { ...ticket.fields };
                  if (value === null) {
                    delete fields[field.key];
                  } else {
                    fields[field.key] = value;
                  }
                  return edit.set({ fields: { [field.key]: value } }, { fields });
                }}
                problem={problem && fieldProblemWords(t, problem)}
                isRequired={isRequired}
                isDisabled={ticket.status === "closed"}
              />
            </Property>
          );
        })}
        {hidden.map(([key, problem]) => (
          <p key={key} role="alert" className="text-xs text-bad">
            {key}: {fieldProblemWords(t, problem)}
          </p>
        ))}
      </div>
    </PanelSection>
  );
}
