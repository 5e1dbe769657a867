import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { FieldDefinition } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { Card } from "../workflow/card.tsx";
import { moved, replaced } from "../workflow/draft.ts";
import { OrderButtons } from "../workflow/order-buttons.tsx";
import { type Placed, problemsAt } from "./draft.ts";
import { FieldSheet } from "./field-sheet.tsx";
import { Problems } from "./problems.tsx";

interface FieldListProps {
  fields: readonly FieldDefinition[];
  /** As they are kept: these stay what they are. */
  saved: readonly FieldDefinition[];
  places: readonly Placed[];
  onChange: (fields: readonly FieldDefinition[]) => void;
}

/** All fields, in the order in which they are shown. */
export function FieldList({ fields, saved, places, onChange }: FieldListProps) {
  const { t, i18n } = useTranslation("admin");
  // The field itself: the list may come in anew, in another order, while its sheet is open.
  const [edited, setEdited] = useState<FieldDefinition | "new" | null>(null);
  const isSaved = (field: FieldDefinition | null) => saved.some(({ key }) => key === field?.key);
  const apply = (field: FieldDefinition) => {
    onChange(edited === "new" ? [...fields, field] : replaced(fields, field));
    setEdited(null);
  };
  const entry = edited === "new" ? null : edited;
  const place = fields.findIndex(({ key }) => key === entry?.key);
  return (
    <Card
      title={t("fields.list")}
      hint={t("fields.listHint")}
      action={
        <Button onClick={() => setEdited("new")}>
          <Plus aria-hidden className="size-4" />
          {t("fields.add")}
        </Button>
      }
    >
      {fields.length === 0 && <p className="text-sm text-ink-soft">{t("fields.none")}</p>}
      <ol className="flex flex-col empty:hidden">
        {fields.map((field, place) => {
          const name = labelOf(field.labels, i18n.language, field.key);
          return (
            <li
              key={field.key}
              className="flex flex-wrap items-center gap-2 border-t border-line py-1 first:border-t-0"
            >
              <span className="min-w-0 flex-1 basis-40 truncate text-sm">
                <bdi>{name}</bdi>{" "}
                <bdi dir="ltr" className="text-xs text-ink-faint">
                  {field.key}
                </bdi>
              </span>
              <FieldFacts field={field} />
              <OrderButtons
                name={name}
                isFirst={place === 0}
                isLast={place === fields.length - 1}
                onMove={(by) => onChange(moved(fields, place, by))}
                onEdit={() => setEdited(field)}
                onRemove={isSaved(field) ? undefined : () => onChange(fields.filter((each) => each !== field))}
              />
              <Problems of={problemsAt(places, "fields", place)} />
            </li>
          );
        })}
      </ol>
      {edited !== null && (
        <FieldSheet
          field={entry}
          isSaved={isSaved(entry)}
          before={fields.slice(0, place < 0 ? undefined : place)}
          problems={problemsAt(places, "fields", place)}
          taken={fields.map(({ key }) => key).filter((key) => key !== entry?.key)}
          onApply={apply}
          onClose={() => setEdited(null)}
        />
      )}
    </Card>
  );
}

function FieldFacts({ field }: { field: FieldDefinition }) {
  const { t } = useTranslation("admin");
  return (
    <span className="flex flex-wrap gap-1">
      {!field.active && <Badge tone="warn">{t("common.inactive")}</Badge>}
      {field.visible_if && <Badge>{t("fields.shownIf")}</Badge>}
      {field.required_if && <Badge>{t("fields.requiredIf")}</Badge>}
      {field.filterable && <Badge>{t("fields.filters")}</Badge>}
      {field.customers !== "hidden" && <Badge tone="accent">{t(`fields.seen.${field.customers}`)}</Badge>}
      <Badge>{t(`fields.kinds.${field.kind}`)}</Badge>
    </span>
  );
}
