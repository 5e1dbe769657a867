import { useTranslation } from "react-i18next";
import type { Agent } from "@/lib/api/types.ts";
import { languageName } from "@/lib/format.ts";
import { Avatar } from "@/ui/avatar.tsx";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { useConfigureAgent } from "./use-agent.ts";

interface AgentRowProps {
  agent: Agent;
  onChange: () => void;
  onTickets: () => void;
}

/** Somebody with what they carry. */
export function AgentRow({ agent, onChange, onTickets }: AgentRowProps) {
  const { t, i18n } = useTranslation("team");
  const configure = useConfigureAgent(agent);
  const number = new Intl.NumberFormat(i18n.language);
  const load = t("ofCapacity", { load: number.format(agent.load), capacity: number.format(agent.capacity) });
  return (
    <tr>
      <th scope="row">
        <span className="flex items-center gap-2">
          <Avatar name={agent.name} />
          <bdi>{agent.name}</bdi>
        </span>
        {!agent.active && <Badge tone="warn">{t("off")}</Badge>}
      </th>
      <td className="min-w-36">
        <span className="tabular-nums">{load}</span>
        <meter
          aria-label={`${agent.name}: ${t("load")}`}
          className="load mt-1 block h-1.5 w-full"
          min={0}
          max={Math.max(agent.capacity, 1)}
          high={agent.capacity * 0.9}
          optimum={0}
          value={agent.load}
        />
      </td>
      <td>
        <label className="flex min-h-6 items-center gap-2">
          <input
            type="checkbox"
            aria-label={`${agent.name}: ${t("available")}`}
            checked={agent.available}
            disabled={!agent.active}
            onChange={(event) => configure.mutate({ available: event.target.checked })}
            className="size-4 translate-y-0.75 accent-accent"
          />
          <span className="text-ink-soft">{!agent.available && t("away")}</span>
        </label>
        <ProblemText error={configure.error} />
      </td>
      <td>
        <Words words={agent.groups} />
      </td>
      <td>
        <Words words={agent.skills} />
      </td>
      <td>
        <Words words={agent.languages.map((tag) => languageName(tag, i18n.language))} />
      </td>
      <td>
        <div className="flex justify-end gap-2">
          <Button onClick={onTickets} aria-label={`${t("load")}: ${agent.name}`}>
            {t("load")}
          </Button>
          <Button onClick={onChange} aria-label={t("changeOf", { name: agent.name })}>
            {t("change")}
          </Button>
        </div>
      </td>
    </tr>
  );
}

function Words({ words }: { words: readonly string[] }) {
  return (
    <ul className="flex max-w-56 flex-wrap gap-1">
      {words.map((word) => (
        <li key={word}>
          <Badge>
            <bdi>{word}</bdi>
          </Badge>
        </li>
      ))}
    </ul>
  );
}
