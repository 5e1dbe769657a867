import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, ingestion } from "@/lib/api/client.ts";
import type { Mailbox, MailboxBody, MailboxCheck } from "@/lib/api/types.ts";
import { useAttempt } from "@/lib/use-attempt.ts";
import { bodyOf } from "./mailbox-body.ts";
import { mailKeys } from "./queries.ts";

const ifMatch = (mailbox: Mailbox) => ({
  path: { mailbox_id: mailbox.id },
  header: { "if-match": `"${mailbox.version}"` },
});

/** Adds a mailbox, or writes one anew that nobody else has changed meanwhile. */
export function useSaveMailbox(mailbox: Mailbox | null, onSaved: () => void) {
  const queryClient = useQueryClient();
  const keyed = useAttempt();
  return useMutation({
    mutationFn: async (body: MailboxBody): Promise<Mailbox> => {
      if (mailbox !== null) {
        return answer(ingestion.PUT("/api/channels/mailboxes/{mailbox_id}", { params: ifMatch(mailbox), body }));
      }
      // The same mailbox sent once more is not added twice.
      return keyed(body, (key) =>
        answer(ingestion.POST("/api/channels/mailboxes", { params: { header: { "idempotency-key": key } }, body })),
      );
    },
    onSuccess: onSaved,
    onSettled: () => queryClient.invalidateQueries({ queryKey: mailKeys.mailboxes }),
  });
}

/** Switches fetching on or off. */
export function useSwitchMailbox(mailbox: Mailbox) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async (enabled: boolean): Promise<Mailbox> => {
      const body = { ...bodyOf(mailbox), enabled };
      return answer(ingestion.PUT("/api/channels/mailboxes/{mailbox_id}", { params: ifMatch(mailbox), body }));
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: mailKeys.mailboxes }),
  });
}

export function useDeleteMailbox(mailbox: Mailbox) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      await answer(ingestion.DELETE("/api/channels/mailboxes/{mailbox_id}", { params: ifMatch(mailbox) }));
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: mailKeys.mailboxes }),
  });
}

/** Logs in with what is stored; nothing is fetched. */
export function useCheckMailbox(mailbox: Mailbox) {
  return useMutation({
    mutationFn: async (): Promise<MailboxCheck> => {
      const params = { path: { mailbox_id: mailbox.id } };
      return answer(ingestion.POST("/api/channels/mailboxes/{mailbox_id}/check", { params }));
    },
  });
}
