import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { lifecycleQuery } from "@/features/ticket/settings.ts";
import type { FieldDefinition, OwnForm } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";
import { listOf } from "@/lib/lists.ts";
import { Field } from "@/ui/field.tsx";
import { FormSheet } from "../form-sheet.tsx";
import { LabelFields, labelsFrom } from "../label-fields.tsx";
import { TYPES } from "../workflow/draft.ts";
import { useCategoryName } from "../workflow/use-category-name.ts";
import { Problems } from "./problems.tsx";

interface FormOfFieldsSheetProps {
  form: OwnForm | null;
  fields: readonly FieldDefinition[];
  /** What the server said about its parts. */
  problems: ReadonlyMap<string, string>;
  /** Keys that other forms have. */
  taken: readonly string[];
  onApply: (form: OwnForm) => void;
  onClose: () => void;
}

/** A form: what it is called, the fields on it, and the tickets that have it. */
export function FormOfFieldsSheet({ form, fields, problems, taken, onApply, onClose }: FormOfFieldsSheetProps) {
  const { t, i18n } = useTranslation("admin");
  const categoryName = useCategoryName();
  const { data: lifecycle } = useQuery(lifecycleQuery);
  const [isTaken, setTaken] = useState(false);
  const own = (lifecycle?.types ?? []).filter(({ key }) => !TYPES.some((type) => type === key));
  const types = new Map<string, string>([
    ...TYPES.map((type) => [type, categoryName(type)] as const),
    ...own.map(({ key, labels }) => [key, labelOf(labels, i18n.language, key)] as const),
  ]);
  for (const type of form?.types ?? []) {
    types.set(type, types.get(type) ?? type);
  }
  const submit = (data: FormData) => {
    const key = form?.key ?? String(data.get("key"));
    setTaken(taken.includes(key));
    if (!taken.includes(key)) {
      onApply({
        key,
        labels: labelsFrom(data, form?.labels ?? {}),
        // In the order of the fields, which is the one they are shown in.
        fields: fields.map((field) => field.key).filter((each) => data.getAll("field").includes(each)),
        types: [...types.keys()].filter((each) => data.getAll("type").includes(each)),
        brands: listOf(data.get("brands")),
      });
    }
  };
  return (
    <FormSheet
      title={form ? t("fields.form.change") : t("fields.form.add")}
      submit={t("common.apply")}
      onSubmit={submit}
      onClose={onClose}
    >
      <LabelFields labels={form?.labels ?? {}} />
      <Field
        label={t("common.key")}
        hint={t("common.keyHint")}
        problem={isTaken ? t("fields.problem.taken") : undefined}
        name="key"
        dir="ltr"
        required
        pattern="[a-z][a-z0-9_]{0,39}"
        disabled={form !== null}
        defaultValue={form?.key}
      />
      <Ticks
        legend={t("fields.form.fields")}
        name="field"
        choices={new Map(fields.map(({ key, labels }) => [key, labelOf(labels, i18n.language, key)]))}
        ticked={form?.fields ?? []}
      />
      <Ticks
        legend={`${t("fields.form.types")} (${t("levels.anyHint")})`}
        name="type"
        choices={types}
        ticked={form?.types ?? []}
      />
      <Field
        label={t("fields.form.brands")}
        hint={`${t("common.commas")} ${t("levels.anyHint")}`}
        name="brands"
        dir="auto"
        defaultValue={form?.brands.join(", ")}
      />
      <Problems of={problems} />
    </FormSheet>
  );
}

interface TicksProps {
  legend: string;
  name: string;
  /** By what is sent, what stands there. */
  choices: ReadonlyMap<string, string>;
  ticked: readonly string[];
}

function Ticks({ legend, name, choices, ticked }: TicksProps) {
  return (
    <fieldset className="flex flex-wrap gap-x-4 gap-y-1">
      <legend className="pb-1 text-xs text-ink-soft">{legend}</legend>
      {[...choices].map(([value, label]) => (
        <label key={value} className="flex min-h-7 items-center gap-2 text-sm">
          <input
            type="checkbox"
            name={name}
            value={value}
            defaultChecked={ticked.includes(value)}
            className="size-4 accent-accent"
          />
          <bdi>{label}</bdi>
        </label>
      ))}
    </fieldset>
  );
}
