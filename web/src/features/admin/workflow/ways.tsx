import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Lifecycle } from "@/lib/api/types.ts";
import { ChoiceField } from "@/ui/field.tsx";
import { Table } from "@/ui/table.tsx";
import { Card } from "./card.tsx";
import { STATUSES } from "./draft.ts";
import { useCategoryName } from "./use-category-name.ts";

const ROLES = ["agent", "supervisor", "admin"] as const;

interface WaysProps {
  draft: Lifecycle;
  onChange: (changes: Partial<Lifecycle>) => void;
}

/** Who may move tickets from where to where. */
export function Ways({ draft: { forbidden }, onChange }: WaysProps) {
  const { t } = useTranslation("admin");
  const categoryName = useCategoryName();
  const [role, setRole] = useState<(typeof ROLES)[number]>("agent");
  const closed = forbidden[role] ?? [];
  const isClosed = (from: string, to: string) => closed.some((way) => way.from === from && way.to === to);
  const toggle = (from: (typeof STATUSES)[number], to: (typeof STATUSES)[number]) => {
    const others = closed.filter((way) => way.from !== from || way.to !== to);
    onChange({ forbidden: { ...forbidden, [role]: isClosed(from, to) ? others : [...others, { from, to }] } });
  };
  return (
    <Card title={t("workflow.ways")} hint={t("workflow.waysHint")}>
      <div className="w-48">
        <ChoiceField
          label={t("accounts.role")}
          value={role}
          onChange={(event) => setRole(event.target.value as typeof role)}
        >
          {ROLES.map((each) => (
            <option key={each} value={each}>
              {t(`accounts.roles.${each}`)}
            </option>
          ))}
        </ChoiceField>
      </div>
      <Table label={t("workflow.ways")}>
        <thead>
          <tr>
            <th scope="col">{t("workflow.from")}</th>
            {STATUSES.map((to) => (
              <th key={to} scope="col">
                {categoryName(to)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {STATUSES.map((from) => (
            <tr key={from}>
              <th scope="row">{categoryName(from)}</th>
              {STATUSES.map((to) => (
                <td key={to}>
                  {from === to ? (
                    "–"
                  ) : (
                    <label className="grid size-6 place-items-center">
                      <input
                        type="checkbox"
                        aria-label={t("workflow.fromTo", { from: categoryName(from), to: categoryName(to) })}
                        checked={!isClosed(from, to)}
                        onChange={() => toggle(from, to)}
                        className="size-4 accent-accent"
                      />
                    </label>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}
