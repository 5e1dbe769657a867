import { useTranslation } from "react-i18next";
import { listOf } from "@/lib/lists.ts";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { type Scalar, type Test, takesSeveral } from "./rule.ts";
import type { Testable } from "./use-testable.ts";

interface TestValuesProps {
  test: Test;
  tested: Testable;
  label: string;
  onChange: (values: readonly Scalar[]) => void;
}

/** What a test compares with: boxes to tick where all values are known, else a line of them. */
export function TestValues({ test, tested, label, onChange }: TestValuesProps) {
  const { t } = useTranslation(["admin", "panel"]);
  const isSeveral = takesSeveral(test.how);
  if (tested.kind === "flag") {
    return (
      <ChoiceField
        label={label}
        required
        value={String(test.values[0] ?? "")}
        onChange={({ target }) => onChange([target.value === "true"])}
      >
        <option value="" disabled />
        <option value="true">{t("panel:yes")}</option>
        <option value="false">{t("panel:no")}</option>
      </ChoiceField>
    );
  }
  if (isSeveral && tested.values) {
    const known = tested.values;
    const others = test.values.filter((value) => !known.some(({ id }) => id === value)).map(String);
    return (
      <fieldset aria-label={label} className="flex max-h-40 flex-wrap gap-x-4 overflow-y-auto">
        {[...known, ...others.map((id) => ({ id, label: id }))].map(({ id, label: name }) => (
          <label key={id} className="flex min-h-7 items-center gap-2 text-sm">
            <input
              type="checkbox"
              checked={test.values.includes(id)}
              onChange={({ target }) =>
                onChange(target.checked ? [...test.values, id] : test.values.filter((value) => value !== id))
              }
              className="size-4 accent-accent"
            />
            {name}
          </label>
        ))}
      </fieldset>
    );
  }
  const isNumber = tested.kind === "number";
  const read = (line: string): readonly Scalar[] => {
    const words = isSeveral ? listOf(line) : [line.trim()].filter(Boolean);
    return isNumber ? words.map(Number).filter(Number.isFinite) : words;
  };
  return (
    <Field
      label={label}
      {...(isSeveral && { hint: t("common.commas") })}
      {...(tested.kind === "moment" && { hint: t("fields.rule.momentHint") })}
      dir="auto"
      required
      inputMode={isNumber ? "decimal" : "text"}
      defaultValue={test.values.join(", ")}
      onChange={({ target }) => onChange(read(target.value))}
    />
  );
}
