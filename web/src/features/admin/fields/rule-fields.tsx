import { Plus, X } from "lucide-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import type { FieldDefinition } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField } from "@/ui/field.tsx";
import { HOWS, type How, newTest, type Rule, type Test, takesSeveral, wantsValue } from "./rule.ts";
import { TestValues } from "./test-values.tsx";
import { type Testable, useTestable } from "./use-testable.ts";

interface RuleFieldsProps {
  title: string;
  modes: readonly Rule["mode"][];
  rule: Rule;
  before: readonly FieldDefinition[];
  /** Whether customers see the field. */
  isPublic: boolean;
  problem: string | undefined;
  onChange: (rule: Rule) => void;
}

/** When a field is shown, or required: always, never, or if tests hold. */
export function RuleFields({ title, modes, rule, before, isPublic, problem, onChange }: RuleFieldsProps) {
  const { t } = useTranslation("admin");
  const id = useId();
  const testable = useTestable(before, isPublic);
  const fresh = () => newTest(testable.at(-1)?.id ?? "type", startOf(testable.at(-1)));
  const setTests = (tests: readonly Test[]) => onChange({ ...rule, tests });
  const setMode = (mode: Rule["mode"]) =>
    onChange({ ...rule, mode, tests: mode === "when" && rule.tests.length === 0 ? [fresh()] : rule.tests });
  return (
    <fieldset aria-describedby={id} className="flex flex-col gap-2">
      <ChoiceField label={title} value={rule.mode} onChange={({ target }) => setMode(target.value as Rule["mode"])}>
        {[...new Set([...modes, rule.mode])].map((mode) => (
          <option key={mode} value={mode}>
            {t(`fields.rule.${mode}`)}
          </option>
        ))}
      </ChoiceField>
      {rule.mode === "other" && (
        <code dir="ltr" className="text-xs break-words text-ink-soft">
          {JSON.stringify(rule.tree)}
        </code>
      )}
      {rule.mode === "when" && (
        <>
          {rule.tests.length > 1 && (
            <ChoiceField
              label={t("fields.rule.match")}
              value={rule.match}
              onChange={({ target }) => onChange({ ...rule, match: target.value as Rule["match"] })}
            >
              <option value="all">{t("fields.rule.all")}</option>
              <option value="any">{t("fields.rule.any")}</option>
            </ChoiceField>
          )}
          <ol className="flex flex-col gap-2">
            {rule.tests.map((test, place) => (
              <li key={test.id} className="rounded-sm border border-line p-2">
                <TestFields
                  test={test}
                  number={place + 1}
                  testable={testable}
                  onChange={(changed) => setTests(rule.tests.map((each) => (each.id === test.id ? changed : each)))}
                  onRemove={
                    rule.tests.length > 1 ? () => setTests(rule.tests.filter((each) => each !== test)) : undefined
                  }
                />
              </li>
            ))}
          </ol>
          <div>
            <Button onClick={() => setTests([...rule.tests, fresh()])}>
              <Plus aria-hidden className="size-4" />
              {t("fields.rule.add")}
            </Button>
          </div>
        </>
      )}
      <div id={id} role="alert" dir="auto" className="text-xs text-bad empty:hidden">
        {problem}
      </div>
    </fieldset>
  );
}

interface TestFieldsProps {
  test: Test;
  number: number;
  testable: readonly Testable[];
  onChange: (test: Test) => void;
  onRemove: (() => void) | undefined;
}

function TestFields({ test, number, testable, onChange, onRemove }: TestFieldsProps) {
  const { t } = useTranslation("admin");
  // What it rests on may have gone; then it stands here by its name until it is changed.
  const tested = testable.find(({ id }) => id === test.field);
  const unknown = { id: test.field, label: test.field, kind: "word", values: null } as const;
  const all = tested ? testable : [...testable, unknown];
  const setField = (id: string) => {
    const next = all.find((each) => each.id === id);
    onChange({ ...test, field: id, how: startOf(next), values: [] });
  };
  const setHow = (how: How) => {
    const isSameValue = takesSeveral(how) === takesSeveral(test.how);
    onChange({ ...test, how, values: wantsValue(how) && isSameValue ? test.values : [] });
  };
  // By the API it may be tested in ways that are not offered here.
  const hows = new Set<How>([...HOWS[(tested ?? unknown).kind], test.how]);
  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-end gap-2">
        <div className="min-w-0 flex-1">
          <ChoiceField
            label={t("fields.rule.field", { number })}
            value={test.field}
            onChange={(e) => setField(e.target.value)}
          >
            {all.map(({ id, label }) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </ChoiceField>
        </div>
        <div className="min-w-0 flex-1">
          <ChoiceField
            label={t("fields.rule.test", { number })}
            value={test.how}
            onChange={(event) => setHow(event.target.value as How)}
          >
            {[...hows].map((how) => (
              <option key={how} value={how}>
                {t(`fields.rule.hows.${how}`)}
              </option>
            ))}
          </ChoiceField>
        </div>
        {onRemove && (
          <Button look="quiet" size="icon" onClick={onRemove} aria-label={t("fields.rule.remove", { number })}>
            <X aria-hidden className="size-4" />
          </Button>
        )}
      </div>
      {wantsValue(test.how) && (
        <TestValues
          key={`${test.field} ${test.how}`}
          test={test}
          tested={tested ?? unknown}
          label={t("fields.rule.value", { number })}
          onChange={(values) => onChange({ ...test, values })}
        />
      )}
    </div>
  );
}

function startOf(testable: Testable | undefined): How {
  return HOWS[testable?.kind ?? "word"][0];
}
