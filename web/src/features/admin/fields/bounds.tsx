import { useTranslation } from "react-i18next";
import type { FieldDefinition } from "@/lib/api/types.ts";
import { Field } from "@/ui/field.tsx";
import { MAX_TEXT } from "./draft.ts";

interface BoundsProps {
  field: FieldDefinition;
  /** What is chosen now. */
  kind: FieldDefinition["kind"];
  problems: ReadonlyMap<string, string>;
}

/** How long, how large, how exact: what values of this kind are bounded by. */
export function Bounds({ field, kind, problems }: BoundsProps) {
  const { t } = useTranslation("admin");
  if (kind === "text") {
    return (
      <Field
        label={t("fields.bounds.maxLength")}
        problem={problems.get("max_length")}
        name="max_length"
        type="number"
        min={1}
        max={MAX_TEXT}
        required
        defaultValue={field.max_length}
      />
    );
  }
  if (kind !== "number" && kind !== "money") {
    return null;
  }
  return (
    <div className="grid gap-3 md:grid-cols-3">
      {(["minimum", "maximum"] as const).map((bound) => (
        <Field
          key={bound}
          label={t(`fields.bounds.${bound}`)}
          problem={problems.get(bound)}
          name={bound}
          type="number"
          step="any"
          defaultValue={field[bound] ?? ""}
        />
      ))}
      <Field
        label={t("fields.bounds.decimals")}
        problem={problems.get("decimals")}
        name="decimals"
        type="number"
        min={0}
        max={6}
        required
        defaultValue={field.decimals}
      />
      {kind === "money" && (
        <div className="md:col-span-3">
          <Field
            label={t("fields.bounds.currencies")}
            hint={t("fields.bounds.currenciesHint")}
            problem={problems.get("currencies")}
            name="currencies"
            dir="ltr"
            defaultValue={field.currencies.join(", ")}
          />
        </div>
      )}
    </div>
  );
}
