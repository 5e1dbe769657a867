import { queryOptions, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { formatDuration } from "@/features/reports/figures.ts";
import { answer, sla } from "@/lib/api/client.ts";
import type { SlaPolicy } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { Table } from "@/ui/table.tsx";
import { SeenBy } from "../seen-by.tsx";
import { PRIORITIES } from "../workflow/draft.ts";
import { LevelSheet } from "./level-sheet.tsx";

export const levelsKey = ["admin", "levels"] as const;

const levelsQuery = queryOptions({
  queryKey: levelsKey,
  queryFn: async ({ signal }): Promise<SlaPolicy[]> => (await answer(sla.GET("/api/sla/policies", { signal }))).items,
});

/** How soon tickets are to be answered and solved, in the order in which policies are asked. */
export default function Levels() {
  const { t } = useTranslation("admin");
  const levels = useQuery(levelsQuery);
  const [edited, setEdited] = useState<string | null>(null);
  const policy = levels.data?.find((each) => each.id === edited);
  return (
    <>
      <PageHead title={t("sections.levels")} hint={t("levels.hint")} />
      <SeenBy isForLeads />
      <Loaded query={levels} has={levels.data !== undefined}>
        <ul className="flex flex-col gap-3">
          {levels.data?.map((each) => (
            <Level key={each.id} policy={each} onEdit={() => setEdited(each.id)} />
          ))}
        </ul>
      </Loaded>
      {policy && <LevelSheet policy={policy} onClose={() => setEdited(null)} />}
    </>
  );
}

function Level({ policy, onEdit }: { policy: SlaPolicy; onEdit: () => void }) {
  const { t, i18n } = useTranslation(["admin", "desk", "page"]);
  const duration = (seconds: number) => formatDuration(seconds, i18n.language);
  return (
    <li className="flex flex-col gap-3 rounded-md border border-line bg-surface p-4">
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div>
          <h3 className="font-medium">
            <bdi>{policy.name}</bdi>
          </h3>
          <p className="text-sm text-ink-soft">
            <bdi>{[...policy.tiers, ...policy.channels].join(", ") || t("levels.everybody")}</bdi> · {t("levels.clock")}
          </p>
        </div>
        <Button onClick={onEdit} aria-label={t("common.editOf", { name: policy.name })}>
          {t("page:edit")}
        </Button>
      </div>
      <Table label={policy.name}>
        <thead>
          <tr>
            <th scope="col">{t("common.priority")}</th>
            <th scope="col">{t("desk:sla.metric.first_response")}</th>
            <th scope="col">{t("desk:sla.metric.resolution")}</th>
          </tr>
        </thead>
        <tbody>
          {PRIORITIES.map((priority) => (
            <tr key={priority}>
              <th scope="row">{t(`desk:priority.${priority}`)}</th>
              <td>{duration(policy.targets[priority].first_response_seconds)}</td>
              <td>{duration(policy.targets[priority].resolution_seconds)}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </li>
  );
}
