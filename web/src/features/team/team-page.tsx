import { useQuery } from "@tanstack/react-query";
import { Users } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Session } from "@/lib/api/types.ts";
import { Notice } from "@/ui/notice.tsx";
import { Loaded, NotAllowed, PageHead, PageMain } from "@/ui/page.tsx";
import { Table } from "@/ui/table.tsx";
import { AgentRow } from "./agent-row.tsx";
import { AgentSheet } from "./agent-sheet.tsx";
import { HeldSheet } from "./held-sheet.tsx";
import { teamQuery } from "./queries.ts";
import { Queues } from "./queues.tsx";

/** Who carries how much, and what waits: for supervisors and administrators. */
export default function TeamPage({ session }: { session: Session }) {
  const { t } = useTranslation("team");
  useEffect(() => {
    document.title = `${t("title")} · Desk`;
  }, [t]);
  return session.role === "agent" ? <NotAllowed isForLeads /> : <Team session={session} />;
}

function Team({ session }: { session: Session }) {
  const { t } = useTranslation("team");
  const team = useQuery(teamQuery);
  const [opened, setOpened] = useState<{ id: string; sheet: "settings" | "tickets" } | null>(null);
  const agents = team.data?.filter((agent) => agent.active || agent.load > 0);
  const chosen = team.data?.find((agent) => agent.id === opened?.id);
  return (
    <PageMain>
      <PageHead title={t("title")} hint={t("hint")} />
      <Loaded query={team} has={agents !== undefined}>
        {agents?.length === 0 ? (
          <Notice icon={<Users aria-hidden className="size-6" />} title={t("nobody")} />
        ) : (
          <Table label={t("agents")}>
            <thead>
              <tr>
                <th scope="col">{t("name")}</th>
                <th scope="col">{t("load")}</th>
                <th scope="col">{t("available")}</th>
                <th scope="col">{t("groups")}</th>
                <th scope="col">{t("skills")}</th>
                <th scope="col">{t("languages")}</th>
                <th scope="col">
                  <span className="sr-only">{t("change")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {agents?.map((agent) => (
                <AgentRow
                  key={agent.id}
                  agent={agent}
                  onChange={() => setOpened({ id: agent.id, sheet: "settings" })}
                  onTickets={() => setOpened({ id: agent.id, sheet: "tickets" })}
                />
              ))}
            </tbody>
          </Table>
        )}
      </Loaded>
      <Queues />
      {chosen && opened?.sheet === "settings" && <AgentSheet agent={chosen} onClose={() => setOpened(null)} />}
      {chosen && opened?.sheet === "tickets" && (
        <HeldSheet agent={chosen} team={team.data ?? []} session={session} onClose={() => setOpened(null)} />
      )}
    </PageMain>
  );
}
