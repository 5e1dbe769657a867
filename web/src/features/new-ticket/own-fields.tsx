import { useTranslation } from "react-i18next";
import { FieldInput, type FieldValue } from "@/features/fields/field-input.tsx";
import type { FieldsDocument, Lifecycle } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { type NewTicket, shownOf } from "./new-ticket.ts";
import type { Problems } from "./problems.ts";

interface OwnFieldsProps {
  ticket: NewTicket;
  own: FieldsDocument;
  lifecycle: Lifecycle;
  onChange: (fields: NewTicket["fields"]) => void;
  problems: Problems;
}

/** The organisation's own fields that this ticket will have, as its form shows them. */
export function OwnFields({ ticket, own, lifecycle, onChange, problems }: OwnFieldsProps) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const shown = shownOf(ticket, own, lifecycle);
  const visible = own.fields.filter((field) => shown.get(field.key)?.visible);
  // A field that the server asks for although it is not shown here must not be wrong in silence.
  const hidden = [...problems].filter(
    ([place]) => place.startsWith("fields.") && !visible.some(({ key }) => place === `fields.${key}`),
  );
  if (visible.length === 0 && hidden.length === 0) {
    return null;
  }
  return (
    <fieldset className="grid min-w-0 items-start gap-4 md:grid-cols-2">
      <legend className="pb-2 text-xs font-semibold text-ink-soft">{t("panel:own.title")}</legend>
      {visible.map((field) => {
        const isRequired = shown.get(field.key)?.required ?? false;
        const label = labelOf(field.labels, i18n.language, field.key);
        return (
          <div key={field.key} className="flex min-w-0 flex-col gap-1">
            <span className="text-xs text-ink-soft">{isRequired ? `${label} *` : label}</span>
            <FieldInput
              field={field}
              label={isRequired ? `${label} (${t("panel:own.required")})` : label}
              value={ticket.fields[field.key] ?? null}
              onChange={(value) => {
                onChange({ ...ticket.fields, [field.key]: value });
                return Promise.resolve(isRead(field.kind, value));
              }}
              problem={problems.get(`fields.${field.key}`)}
              isRequired={isRequired}
            />
          </div>
        );
      })}
      {hidden.map(([place, problem]) => (
        <p key={place} role="alert" className="text-xs text-bad">
          {place.replace(/^fields\./, "")}: {problem}
        </p>
      ))}
    </fieldset>
  );
}

/** Whether the field can show what was written from its value; what is no number stays there as it was written. */
function isRead(kind: string, value: FieldValue): boolean {
  return kind !== "number" || typeof value !== "string";
}
