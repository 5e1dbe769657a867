import type { Agent } from "@/lib/api/types.ts";

/** The beginning of a name that is being typed after an @, and where the @ stands. */
export interface Mentioning {
  at: number;
  beginning: string;
}

const BEGUN = /(?:^|[\s(])@([\p{L}\p{M}\p{N}.'’-]*(?: [\p{L}\p{M}\p{N}.'’-]+)?)$/u;
const SHOWN = 6;

/** The mention that is being typed where the caret stands; null where none is. */
export function mentioningAt(text: string, caret: number): Mentioning | null {
  const found = BEGUN.exec(text.slice(0, caret));
  const beginning = found?.[1];
  return beginning === undefined ? null : { at: caret - beginning.length - 1, beginning };
}

/** Agents of whose names a word begins so, those whose name itself does first. */
export function agentsLike(agents: readonly Agent[], beginning: string): Agent[] {
  const wanted = folded(beginning);
  const rank = ({ name }: Agent) =>
    folded(name).startsWith(wanted) ? 0 : folded(name).includes(` ${wanted}`) ? 1 : Number.NaN;
  return agents
    .filter((agent) => agent.active && !Number.isNaN(rank(agent)))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
    .slice(0, SHOWN);
}

/** The text with the agent's name in the place of what was typed of it, and where the caret goes. */
export function withMention(text: string, { at }: Mentioning, caret: number, agent: Agent): [string, number] {
  const mention = `@${agent.name} `;
  return [text.slice(0, at) + mention + text.slice(caret).replace(/^ /, ""), at + mention.length];
}

/** Whom a text mentions. Of two names of which one begins the other the longer one counts. */
export function mentionsIn(text: string, agents: readonly Agent[]): string[] {
  const longestFirst = agents.filter((agent) => agent.active).sort((a, b) => b.name.length - a.name.length);
  const mentioned: string[] = [];
  let rest = text;
  for (const { id, name } of longestFirst) {
    const parts = rest.split(new RegExp(`@${literally(name)}(?![\\p{L}\\p{N}])`, "u"));
    if (parts.length > 1) {
      mentioned.push(id);
      rest = parts.join("\n");
    }
  }
  return mentioned;
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function folded(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase();
}
