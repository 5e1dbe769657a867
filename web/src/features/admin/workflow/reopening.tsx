import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Lifecycle } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField, Field } from "@/ui/field.tsx";
import { Card } from "./card.tsx";

type Rule = Lifecycle["reopening"];

const DEFAULT_DAYS = 14;

interface ReopeningProps {
  draft: Lifecycle;
  onChange: (changes: Partial<Lifecycle>) => void;
}

/** What happens to solved tickets: opened again by a customer's message, and closed in the end. */
export function Reopening({ draft, onChange }: ReopeningProps) {
  const { t } = useTranslation(["admin", "page"]);
  const [group, setGroup] = useState("");
  const ofGroups = draft.reopening_of;
  const set = (name: string, rule: Rule) => onChange({ reopening_of: { ...ofGroups, [name]: rule } });
  return (
    <Card title={t("workflow.reopening")}>
      <RuleFields label={t("page:all")} rule={draft.reopening} onChange={(reopening) => onChange({ reopening })} />
      {Object.entries(ofGroups).map(([name, rule]) => (
        <div key={name} className="flex items-end gap-2">
          <RuleFields label={name} rule={rule} onChange={(changed) => set(name, changed)} />
          <Button
            aria-label={t("common.removeOf", { name })}
            onClick={() => {
              const { [name]: _, ...others } = ofGroups;
              onChange({ reopening_of: others });
            }}
          >
            {t("page:remove")}
          </Button>
        </div>
      ))}
      <div className="flex items-end gap-2">
        <div className="w-56">
          <Field
            label={t("workflow.ofGroup")}
            dir="auto"
            maxLength={100}
            value={group}
            onChange={(event) => setGroup(event.target.value)}
          />
        </div>
        <Button
          disabled={group.trim() === ""}
          onClick={() => {
            set(group.trim(), { policy: "never" });
            setGroup("");
          }}
        >
          <Plus aria-hidden className="size-4" />
          {t("page:add")}
        </Button>
      </div>
      <div className="w-56 max-w-full">
        <Field
          label={t("workflow.closeAfter")}
          hint={t("workflow.closeAfterHint")}
          type="number"
          min={1}
          max={3650}
          value={draft.close_after_days ?? ""}
          onChange={(event) =>
            onChange({ close_after_days: event.target.value === "" ? null : Number(event.target.value) })
          }
        />
      </div>
    </Card>
  );
}

function RuleFields({ label, rule, onChange }: { label: string; rule: Rule; onChange: (rule: Rule) => void }) {
  const { t } = useTranslation("admin");
  return (
    <div className="flex flex-wrap items-end gap-2">
      <div className="w-56 max-w-full">
        <ChoiceField
          label={label}
          value={rule.policy}
          onChange={(event) => {
            const policy = event.target.value as Rule["policy"];
            onChange(policy === "within" ? { policy, days: DEFAULT_DAYS } : { policy });
          }}
        >
          {(["always", "within", "never"] as const).map((policy) => (
            <option key={policy} value={policy}>
              {t(`workflow.policies.${policy}`)}
            </option>
          ))}
        </ChoiceField>
      </div>
      {rule.policy === "within" && (
        <div className="w-24">
          <Field
            label={t("workflow.days")}
            type="number"
            min={1}
            max={3650}
            value={rule.days ?? DEFAULT_DAYS}
            onChange={(event) => onChange({ policy: "within", days: Number(event.target.value) })}
          />
        </div>
      )}
    </div>
  );
}
