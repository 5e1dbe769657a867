import { fitness } from "./fuzzy.ts";
import { type Command, GROUPS, type Group } from "./registry.ts";

export interface Named extends Command {
  name: string;
}

export interface Section {
  id: Group | "recent";
  commands: Named[];
}

/**
 * What the palette shows. Of all commands, those given last come first; of what fits what was typed, the best, and
 * with it the group that it is in.
 */
export function sections(commands: readonly Named[], query: string, recent: readonly string[]): Section[] {
  if (query.trim() === "") {
    const again = recent.flatMap((id) => commands.find((command) => command.id === id) ?? []);
    const rest = commands.filter((command) => !again.includes(command));
    return [{ id: "recent" as const, commands: again }, ...grouped(rest, GROUPS)].filter(hasAny);
  }
  const found = commands
    .flatMap((command) => {
      const points = fitness(query, command.name);
      return points === null ? [] : [{ command, points: points + (recent.includes(command.id) ? 1 : 0) }];
    })
    .sort((a, b) => b.points - a.points)
    .map(({ command }) => command);
  return grouped(found, [...new Set(found.map((command) => command.group))]).filter(hasAny);
}

function grouped(commands: readonly Named[], groups: readonly Group[]): Section[] {
  return groups.map((id) => ({ id, commands: commands.filter((command) => command.group === id) }));
}

function hasAny(section: Section): boolean {
  return section.commands.length > 0;
}
