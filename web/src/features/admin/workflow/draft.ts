import type { Lifecycle, LifecycleBody } from "@/lib/api/types.ts";

export type Named = Lifecycle["statuses"][number] | Lifecycle["types"][number];
export type Part = "statuses" | "types";

export const STATUSES = ["new", "open", "pending", "on_hold", "solved", "closed"] as const;
export const TYPES = ["question", "technical", "billing", "feature_request", "incident"] as const;
export const LEVELS = ["high", "medium", "low"] as const;
export const PRIORITIES = ["low", "normal", "high", "urgent"] as const;

/** What is written to change the lifecycle: all of it, without what only the server says. */
export function bodyOf({ version: _, changed_at: __, changed_by: ___, ...body }: Lifecycle): Lifecycle {
  return body as Lifecycle;
}

/** The document as it is sent. */
export function sent(draft: Lifecycle): LifecycleBody {
  return bodyOf(draft);
}

/** An entry one place up (-1) or down (1); the same list at its ends. */
export function moved<T>(list: readonly T[], place: number, by: -1 | 1): T[] {
  const [one, other] = [list[place], list[place + by]];
  if (one === undefined || other === undefined) {
    return [...list];
  }
  const changed = [...list];
  changed[place] = other;
  changed[place + by] = one;
  return changed;
}

/** The list with an entry in place of the one of its key; at the end where that one went meanwhile. */
export function replaced<T extends { key: string }>(list: readonly T[], entry: T): T[] {
  return list.some(({ key }) => key === entry.key)
    ? list.map((each) => (each.key === entry.key ? entry : each))
    : [...list, entry];
}

export interface Loss {
  part: Part;
  entry: Named;
  /** It goes, it gets another category, or nobody can choose it any more. */
  how: "gone" | "moved" | "retired";
}

/** What tickets may have that a change takes away from them. */
export function losses(before: Lifecycle, after: Lifecycle): Loss[] {
  return (["statuses", "types"] as const).flatMap((part) =>
    (before[part] as Named[]).flatMap((entry): Loss[] => {
      const now = (after[part] as Named[]).find((each) => each.key === entry.key);
      if (now === undefined) {
        return [{ part, entry, how: "gone" }];
      }
      if (now.category !== entry.category) {
        return [{ part, entry, how: "moved" }];
      }
      return entry.active && !now.active ? [{ part, entry, how: "retired" }] : [];
    }),
  );
}
