import { queryOptions } from "@tanstack/react-query";
import { answer, gateway } from "@/lib/api/client.ts";
import type { Account, Role } from "@/lib/api/types.ts";

export const accountsKey = ["admin", "accounts"] as const;
export const STAFF = ["agent", "supervisor", "admin"] as const satisfies readonly Role[];

/** Everybody who works here, by address. */
export const staffQuery = queryOptions({
  queryKey: accountsKey,
  queryFn: async ({ signal }): Promise<Account[]> => {
    const lists = await Promise.all(STAFF.map((role) => accounts(role, signal)));
    return lists.flat().sort((a, b) => a.email.localeCompare(b.email));
  },
});

async function accounts(role: Role, signal: AbortSignal): Promise<Account[]> {
  const items: Account[] = [];
  let cursor: string | null | undefined;
  do {
    const query = { role, limit: 200, ...(cursor && { cursor }) };
    const page: { items: Account[]; next_cursor?: string | null } = await answer(
      gateway.GET("/api/accounts", { params: { query }, signal }),
    );
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}

/** The groups that somebody is in, by name. */
export function groupsOf(staff: readonly Account[]): string[] {
  return [...new Set(staff.flatMap((account) => account.groups))].sort((a, b) => a.localeCompare(b));
}
