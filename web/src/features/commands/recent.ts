import { storage } from "@/lib/storage.ts";

const SETTING = "desk.recentCommands";
const KEPT = 5;

/** Ids of the commands that the palette gave last, newest first. */
export function recentCommands(): string[] {
  try {
    const kept: unknown = JSON.parse(storage.get(SETTING) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

export function noteCommand(id: string): void {
  const others = recentCommands().filter((other) => other !== id);
  storage.set(SETTING, JSON.stringify([id, ...others].slice(0, KEPT)));
}
