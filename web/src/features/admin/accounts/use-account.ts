import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, gateway } from "@/lib/api/client.ts";
import type { Account, Role } from "@/lib/api/types.ts";
import { useAttempt } from "@/lib/use-attempt.ts";
import { accountsKey } from "./queries.ts";

export interface AccountForm {
  email: string;
  name: string;
  role: Role;
  groups: string[];
  languages: string[];
  password?: string;
  active?: boolean;
}

/** Makes an account, or changes one that nobody else has changed meanwhile. */
export function useSaveAccount(account: Account | null, onSaved: () => void) {
  const queryClient = useQueryClient();
  const keyed = useAttempt();
  return useMutation({
    mutationFn: async (form: AccountForm): Promise<Account> => {
      if (account !== null) {
        return changeAccount(account, form);
      }
      const { active: _, ...body } = form;
      return keyed(body, (key) =>
        answer(gateway.POST("/api/accounts", { params: { header: { "idempotency-key": key } }, body })),
      );
    },
    onSuccess: onSaved,
    onSettled: () => queryClient.invalidateQueries({ queryKey: accountsKey }),
  });
}

export async function changeAccount(account: Account, changes: Partial<AccountForm>): Promise<Account> {
  // A role that is given anew ends sessions, even if it is the one there was.
  const { role, ...rest } = changes;
  return answer(
    gateway.PATCH("/api/accounts/{account_id}", {
      params: { path: { account_id: account.id }, header: { "if-match": `"${account.version}"` } },
      body: { ...rest, ...(role && role !== account.role && { role }) },
    }),
  );
}

/** Ends every session and API key of somebody. */
export function useRevoke(account: Account) {
  return useMutation({
    mutationFn: async () => {
      await answer(gateway.POST("/api/accounts/{account_id}/revoke", { params: { path: { account_id: account.id } } }));
    },
  });
}

/** Mails somebody a link to sign in with, as they could themselves. */
export function useSendLink(account: Account) {
  return useMutation({
    mutationFn: async () => {
      await answer(gateway.POST("/api/auth/sign-in-links", { body: { email: account.email } }));
    },
  });
}
