import type { Role } from "@/lib/api/types.ts";

/** What is set up at `/admin/<section>`, and from which role on. */
export const SECTIONS = {
  accounts: "admin",
  groups: "admin",
  keys: "admin",
  workflow: "admin",
  fields: "admin",
  macros: "supervisor",
  templates: "supervisor",
  levels: "supervisor",
} as const satisfies Record<string, Role>;
export type Section = keyof typeof SECTIONS;

export function isSection(value: string): value is Section {
  return value in SECTIONS;
}

/** Whether a role may see a section: supervisors those that are theirs, administrators all. */
export function maySee(role: Role, section: Section): boolean {
  return role === "admin" || role === SECTIONS[section];
}

/** The section that `/admin` leads to. */
export function firstSection(role: Role): Section {
  return role === "admin" ? "accounts" : "macros";
}
