import { useTranslation } from "react-i18next";
import type { Lifecycle, Priority } from "@/lib/api/types.ts";
import { Table } from "@/ui/table.tsx";
import { Card } from "./card.tsx";
import { LEVELS, PRIORITIES } from "./draft.ts";

interface PrioritiesProps {
  draft: Lifecycle;
  onChange: (changes: Partial<Lifecycle>) => void;
}

/** Which priority a ticket has that nobody gave one by hand. */
export function Priorities({ draft: { priorities }, onChange }: PrioritiesProps) {
  const { t } = useTranslation(["admin", "desk"]);
  return (
    <Card title={t("workflow.priorities")}>
      <Table label={t("workflow.priorities")}>
        <thead>
          <tr>
            <td />
            {LEVELS.map((impact) => (
              <th key={impact} scope="col">
                {t("workflow.impact")}: {t(`workflow.levels.${impact}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {LEVELS.map((urgency) => (
            <tr key={urgency}>
              <th scope="row">
                {t("workflow.urgency")}: {t(`workflow.levels.${urgency}`)}
              </th>
              {LEVELS.map((impact) => (
                <td key={impact}>
                  <select
                    aria-label={`${t("workflow.urgency")}: ${t(`workflow.levels.${urgency}`)}, ${t("workflow.impact")}: ${t(`workflow.levels.${impact}`)}`}
                    value={priorities[urgency]?.[impact] ?? "normal"}
                    onChange={(event) =>
                      onChange({
                        priorities: {
                          ...priorities,
                          [urgency]: { ...priorities[urgency], [impact]: event.target.value as Priority },
                        },
                      })
                    }
                    className="h-8 w-full min-w-28 rounded-sm border border-control bg-surface px-2 text-sm text-ink"
                  >
                    {PRIORITIES.map((priority) => (
                      <option key={priority} value={priority}>
                        {t(`desk:priority.${priority}`)}
                      </option>
                    ))}
                  </select>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}
