import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { labelOf } from "@/lib/labels.ts";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { FormSheet } from "../form-sheet.tsx";
import { LabelFields, labelsFrom } from "../label-fields.tsx";
import { Card } from "./card.tsx";
import { moved, type Named, type Part, replaced, STATUSES, TYPES } from "./draft.ts";
import { OrderButtons } from "./order-buttons.tsx";
import { useCategoryName } from "./use-category-name.ts";

interface NamedListProps {
  part: Part;
  entries: readonly Named[];
  onChange: (entries: Named[]) => void;
}

/** The organisation's own names for statuses, or for types, in their order. */
export function NamedList({ part, entries, onChange }: NamedListProps) {
  const { t, i18n } = useTranslation("admin");
  const categoryName = useCategoryName();
  const [edited, setEdited] = useState<Named | "new" | null>(null);
  const save = (entry: Named) => {
    onChange(edited === "new" ? [...entries, entry] : replaced(entries, entry));
    setEdited(null);
  };
  return (
    <Card
      title={t(`workflow.${part}`)}
      hint={t("workflow.firstHint")}
      action={
        <Button onClick={() => setEdited("new")}>
          <Plus aria-hidden className="size-4" />
          {part === "statuses" ? t("workflow.addStatus") : t("workflow.addType")}
        </Button>
      }
    >
      <ol className="flex flex-col">
        {entries.map((entry, place) => {
          const name = labelOf(entry.labels, i18n.language, entry.key);
          return (
            <li
              key={entry.key}
              className="flex flex-wrap items-center gap-2 border-t border-line py-1 first:border-t-0"
            >
              <span className="min-w-0 flex-1 truncate text-sm">
                <bdi>{name}</bdi>
              </span>
              {!entry.active && <Badge tone="warn">{t("common.inactive")}</Badge>}
              <Badge>{categoryName(entry.category)}</Badge>
              <OrderButtons
                name={name}
                isFirst={place === 0}
                isLast={place === entries.length - 1}
                onMove={(by) => onChange(moved(entries, place, by))}
                onEdit={() => setEdited(entry)}
                onRemove={() => onChange(entries.filter((each) => each !== entry))}
              />
            </li>
          );
        })}
      </ol>
      {edited !== null && (
        <NamedSheet
          part={part}
          entry={edited === "new" ? null : edited}
          onSave={save}
          onClose={() => setEdited(null)}
        />
      )}
    </Card>
  );
}

interface NamedSheetProps {
  part: Part;
  entry: Named | null;
  onSave: (entry: Named) => void;
  onClose: () => void;
}

function NamedSheet({ part, entry, onSave, onClose }: NamedSheetProps) {
  const { t } = useTranslation("admin");
  const categoryName = useCategoryName();
  const submit = (form: FormData) => {
    onSave({
      key: entry?.key ?? String(form.get("key")),
      category: String(form.get("category")),
      active: form.get("active") === "on",
      labels: labelsFrom(form, entry?.labels ?? {}),
    } as Named);
  };
  return (
    <FormSheet
      title={part === "statuses" ? t("workflow.addStatus") : t("workflow.addType")}
      submit={t("common.apply")}
      onSubmit={submit}
      onClose={onClose}
    >
      <LabelFields labels={entry?.labels ?? {}} />
      <Field
        label={t("common.key")}
        hint={t("common.keyHint")}
        name="key"
        dir="ltr"
        required
        pattern="[a-z][a-z0-9_]{0,39}"
        disabled={entry !== null}
        defaultValue={entry?.key}
      />
      <ChoiceField label={t("workflow.category")} name="category" defaultValue={entry?.category}>
        {(part === "statuses" ? STATUSES : TYPES).map((category) => (
          <option key={category} value={category}>
            {categoryName(category)}
          </option>
        ))}
      </ChoiceField>
      <label className="flex items-center gap-2 text-sm">
        <input type="checkbox" name="active" defaultChecked={entry?.active ?? true} className="size-4 accent-accent" />
        {t("common.active")}
      </label>
    </FormSheet>
  );
}
