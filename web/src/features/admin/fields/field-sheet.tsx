import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { FieldDefinition } from "@/lib/api/types.ts";
import { listOf } from "@/lib/lists.ts";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { FormSheet } from "../form-sheet.tsx";
import { LabelFields, labelsFrom } from "../label-fields.tsx";
import { Bounds } from "./bounds.tsx";
import { ACCESS, isChoice, KINDS, MAX_TEXT, NEW_FIELD } from "./draft.ts";
import { OptionsEditor } from "./options-editor.tsx";
import { Problems } from "./problems.tsx";
import { isIncomplete, ruleOf, treeOf } from "./rule.ts";
import { RuleFields } from "./rule-fields.tsx";

interface FieldSheetProps {
  /** The field to edit; null for a new one. */
  field: FieldDefinition | null;
  isSaved: boolean;
  /** Fields above it, which its conditions can rest on. */
  before: readonly FieldDefinition[];
  /** What the server said about its parts. */
  problems: ReadonlyMap<string, string>;
  /** Keys that other fields have. */
  taken: readonly string[];
  onApply: (field: FieldDefinition) => void;
  onClose: () => void;
}

/** What a field is called, what it holds, who sees it and when. */
export function FieldSheet({ field, isSaved, before, problems, taken, onApply, onClose }: FieldSheetProps) {
  const { t } = useTranslation("admin");
  const start = field ?? NEW_FIELD;
  const [kind, setKind] = useState(start.kind);
  const [customers, setCustomers] = useState(start.customers);
  const [options, setOptions] = useState<readonly FieldDefinition["options"][number][]>(start.options);
  const [visible, setVisible] = useState(() => ruleOf(start.visible_if, "always"));
  const [required, setRequired] = useState(() => ruleOf(start.required_if, "never"));
  const [refused, setRefused] = useState<ReadonlyMap<string, string>>(problems);
  const submit = (form: FormData) => {
    const key = field?.key ?? String(form.get("key"));
    const wrong = new Map([
      ...(taken.includes(key) ? [["key", t("fields.problem.taken")] as const] : []),
      ...(isChoice(kind) && options.length === 0 ? [["options", t("fields.problem.noOptions")] as const] : []),
      ...(isIncomplete(visible) ? [["visible_if", t("fields.rule.incomplete")] as const] : []),
      ...(isIncomplete(required) ? [["required_if", t("fields.rule.incomplete")] as const] : []),
    ]);
    setRefused(wrong);
    if (wrong.size > 0) {
      return;
    }
    onApply({
      ...start,
      key,
      kind,
      customers,
      labels: labelsFrom(form, start.labels),
      active: form.get("active") === "on",
      filterable: isSaved ? start.filterable : form.get("filterable") === "on",
      options: isChoice(kind) ? [...options] : [],
      ...boundsFrom(form, kind),
      visible_if: treeOf(visible, "always"),
      required_if: treeOf(required, "never"),
    });
  };
  const rest = new Map([...refused].filter(([part]) => !SHOWN_AT.has(part)));
  return (
    <FormSheet
      title={field ? t("fields.change") : t("fields.add")}
      submit={t("common.apply")}
      onSubmit={submit}
      onClose={onClose}
    >
      <LabelFields labels={start.labels} />
      <Field
        label={t("common.key")}
        hint={t("common.keyHint")}
        problem={refused.get("key")}
        name="key"
        dir="ltr"
        required
        pattern="[a-z][a-z0-9_]{0,39}"
        disabled={field !== null}
        defaultValue={field?.key}
      />
      <ChoiceField
        label={t("fields.kind")}
        hint={t("fields.fixedHint")}
        problem={refused.get("kind")}
        value={kind}
        disabled={isSaved}
        onChange={(event) => setKind(event.target.value as typeof kind)}
      >
        {KINDS.map((each) => (
          <option key={each} value={each}>
            {t(`fields.kinds.${each}`)}
          </option>
        ))}
      </ChoiceField>
      {isChoice(kind) && <OptionsEditor options={options} problem={refused.get("options")} onChange={setOptions} />}
      <Bounds key={kind} field={start} kind={kind} problems={refused} />
      <Tick name="active" label={t("common.active")} isTicked={start.active} />
      <Tick
        name="filterable"
        label={`${t("fields.filterable")} ${t("fields.fixedHint")}`}
        isTicked={start.filterable}
        isDisabled={isSaved}
      />
      <ChoiceField
        label={t("fields.customers")}
        problem={refused.get("customers")}
        value={customers}
        onChange={(event) => setCustomers(event.target.value as typeof customers)}
      >
        {ACCESS.map((each) => (
          <option key={each} value={each}>
            {t(`fields.access.${each}`)}
          </option>
        ))}
      </ChoiceField>
      <RuleFields
        title={t("fields.rule.visible")}
        modes={["always", "when"]}
        rule={visible}
        before={before}
        isPublic={customers !== "hidden"}
        problem={refused.get("visible_if")}
        onChange={setVisible}
      />
      <RuleFields
        title={t("fields.rule.required")}
        modes={["never", "always", "when"]}
        rule={required}
        before={before}
        isPublic={customers !== "hidden"}
        problem={refused.get("required_if")}
        onChange={setRequired}
      />
      <Problems of={rest} />
    </FormSheet>
  );
}

// The parts that have a place in the sheet where what is wrong with them is said.
const SHOWN_AT = new Set([
  ...["key", "kind", "options", "customers", "visible_if", "required_if"],
  ...["minimum", "maximum", "decimals", "currencies", "max_length"],
]);

function Tick(props: { name: string; label: string; isTicked: boolean; isDisabled?: boolean }) {
  const { name, label, isTicked, isDisabled = false } = props;
  return (
    <label className="flex items-center gap-2 text-sm">
      <input
        type="checkbox"
        name={name}
        defaultChecked={isTicked}
        disabled={isDisabled}
        className="size-4 accent-accent"
      />
      {label}
    </label>
  );
}

/** The bounds that such a field has; those of other kinds are as they are for a new one. */
function boundsFrom(form: FormData, kind: FieldDefinition["kind"]): Partial<FieldDefinition> {
  const number = (name: string) => (form.get(name) ? Number(form.get(name)) : null);
  const isNumber = kind === "number" || kind === "money";
  return {
    minimum: isNumber ? number("minimum") : null,
    maximum: isNumber ? number("maximum") : null,
    decimals: isNumber ? Number(form.get("decimals")) : NEW_FIELD.decimals,
    currencies: kind === "money" ? listOf(form.get("currencies")).map((code) => code.toUpperCase()) : [],
    max_length: kind === "text" ? Number(form.get("max_length")) : MAX_TEXT,
  };
}
