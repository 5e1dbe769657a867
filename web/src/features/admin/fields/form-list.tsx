import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { FieldDefinition, OwnForm } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { Button } from "@/ui/button.tsx";
import { Card } from "../workflow/card.tsx";
import { moved, replaced } from "../workflow/draft.ts";
import { OrderButtons } from "../workflow/order-buttons.tsx";
import { type Placed, problemsAt } from "./draft.ts";
import { FormOfFieldsSheet } from "./form-of-fields-sheet.tsx";
import { Problems } from "./problems.tsx";

interface FormListProps {
  forms: readonly OwnForm[];
  fields: readonly FieldDefinition[];
  places: readonly Placed[];
  onChange: (forms: readonly OwnForm[]) => void;
}

/** Which fields tickets have, by their type and brand. */
export function FormList({ forms, fields, places, onChange }: FormListProps) {
  const { t, i18n } = useTranslation("admin");
  const [edited, setEdited] = useState<OwnForm | "new" | null>(null);
  const apply = (form: OwnForm) => {
    onChange(edited === "new" ? [...forms, form] : replaced(forms, form));
    setEdited(null);
  };
  const entry = edited === "new" ? null : edited;
  const place = forms.findIndex(({ key }) => key === entry?.key);
  return (
    <Card
      title={t("fields.form.title")}
      hint={t("fields.form.hint")}
      action={
        <Button onClick={() => setEdited("new")}>
          <Plus aria-hidden className="size-4" />
          {t("fields.form.add")}
        </Button>
      }
    >
      <ol className="flex flex-col empty:hidden">
        {forms.map((form, place) => {
          const name = labelOf(form.labels, i18n.language, form.key);
          const on = fields.filter(({ key }) => form.fields.includes(key));
          return (
            <li key={form.key} className="flex flex-wrap items-center gap-2 border-t border-line py-1 first:border-t-0">
              <span className="min-w-0 flex-1 basis-40 text-sm">
                <bdi>{name}</bdi>:{" "}
                <bdi className="text-ink-soft">
                  {on.map(({ labels, key }) => labelOf(labels, i18n.language, key)).join(", ")}
                </bdi>
              </span>
              <OrderButtons
                name={name}
                isFirst={place === 0}
                isLast={place === forms.length - 1}
                onMove={(by) => onChange(moved(forms, place, by))}
                onEdit={() => setEdited(form)}
                onRemove={() => onChange(forms.filter((each) => each !== form))}
              />
              <Problems of={problemsAt(places, "forms", place)} />
            </li>
          );
        })}
      </ol>
      {edited !== null && (
        <FormOfFieldsSheet
          form={entry}
          fields={fields}
          problems={problemsAt(places, "forms", place)}
          taken={forms.map(({ key }) => key).filter((key) => key !== entry?.key)}
          onApply={apply}
          onClose={() => setEdited(null)}
        />
      )}
    </Card>
  );
}
