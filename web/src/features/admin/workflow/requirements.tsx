import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Lifecycle } from "@/lib/api/types.ts";
import { listOf } from "@/lib/lists.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { FormSheet } from "../form-sheet.tsx";
import { Card } from "./card.tsx";
import { moved, STATUSES } from "./draft.ts";
import { OrderButtons } from "./order-buttons.tsx";
import { useCategoryName } from "./use-category-name.ts";

type Requirement = Lifecycle["requirements"][number];

interface RequirementsProps {
  draft: Lifecycle;
  onChange: (changes: Partial<Lifecycle>) => void;
}

/** What has to be filled in before a ticket gets to a category. */
export function Requirements({ draft: { requirements }, onChange }: RequirementsProps) {
  const { t } = useTranslation("admin");
  const categoryName = useCategoryName();
  const [edited, setEdited] = useState<Requirement | "new" | null>(null);
  const set = (changed: Requirement[]) => onChange({ requirements: changed });
  const submit = (form: FormData) => {
    const made: Requirement = {
      to: String(form.get("to")) as Requirement["to"],
      fields: listOf(form.get("fields")),
      types: listOf(form.get("types")),
    };
    const place = requirements.findIndex((each) => JSON.stringify(each) === JSON.stringify(edited));
    set(place < 0 ? [...requirements, made] : requirements.with(place, made));
    setEdited(null);
  };
  const entry = edited === "new" ? undefined : edited;
  return (
    <Card
      title={t("workflow.requirements")}
      hint={t("workflow.requirementsHint")}
      action={
        <Button onClick={() => setEdited("new")}>
          <Plus aria-hidden className="size-4" />
          {t("workflow.addRequirement")}
        </Button>
      }
    >
      <ol className="flex flex-col empty:hidden">
        {requirements.map((each, place) => {
          const name = `${categoryName(each.to)}: ${each.fields.join(", ")}`;
          return (
            <li
              key={JSON.stringify(each)}
              className="flex flex-wrap items-center gap-2 border-t border-line py-1 first:border-t-0"
            >
              <span className="min-w-0 flex-1 text-sm">
                {t("workflow.before")} <strong className="font-medium">{categoryName(each.to)}</strong>:{" "}
                <bdi>{each.fields.join(", ")}</bdi>
                {each.types.length > 0 && <bdi className="text-ink-soft"> ({each.types.join(", ")})</bdi>}
              </span>
              <OrderButtons
                name={name}
                isFirst={place === 0}
                isLast={place === requirements.length - 1}
                onMove={(by) => set(moved(requirements, place, by))}
                onEdit={() => setEdited(each)}
                onRemove={() => set(requirements.filter((other) => other !== each))}
              />
            </li>
          );
        })}
      </ol>
      {edited !== null && (
        <FormSheet
          title={t("workflow.requirements")}
          submit={t("common.apply")}
          onSubmit={submit}
          onClose={() => setEdited(null)}
        >
          <ChoiceField label={t("workflow.before")} name="to" defaultValue={entry?.to ?? "solved"}>
            {STATUSES.map((category) => (
              <option key={category} value={category}>
                {categoryName(category)}
              </option>
            ))}
          </ChoiceField>
          <Field
            label={t("workflow.fieldNames")}
            hint={t("workflow.fieldNamesHint")}
            name="fields"
            dir="ltr"
            required
            defaultValue={entry?.fields.join(", ")}
          />
          <Field
            label={t("workflow.ofTypes")}
            hint={t("common.commas")}
            name="types"
            dir="ltr"
            defaultValue={entry?.types.join(", ")}
          />
        </FormSheet>
      )}
    </Card>
  );
}
