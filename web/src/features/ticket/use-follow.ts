import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Session, Ticket } from "@/lib/api/types.ts";
import { ticketKeys } from "./queries.ts";

interface Follow {
  isFollowing: boolean;
  toggle: () => void;
  hasFailed: boolean;
}

/** Whether whoever sits here follows the ticket, and the way to change it. It does not move the ticket's version. */
export function useFollow(ticket: Ticket, session: Session): Follow {
  const queryClient = useQueryClient();
  const me = { id: session.account_id, name: session.name };
  const isFollowing = ticket.followers.some((each) => each.id === me.id);
  const show = (followers: Ticket["followers"]) =>
    queryClient.setQueryData<Ticket>(ticketKeys.one(ticket.id), (known) => known && { ...known, followers });

  const change = useMutation({
    mutationFn: (follows: boolean) => {
      const params = { path: { ticket_id: ticket.id, account_id: "me" as const } };
      const path = "/api/tickets/{ticket_id}/followers/{account_id}";
      return answer(follows ? tickets.PUT(path, { params }) : tickets.DELETE(path, { params }));
    },
    onMutate: (follows) => {
      const others = ticket.followers.filter((each) => each.id !== me.id);
      show(follows ? [...others, me] : others);
    },
    onSuccess: ({ items }) => show(items),
    onError: () => show(ticket.followers),
    onSettled: () => void queryClient.invalidateQueries({ queryKey: ticketKeys.timeline(ticket.id) }),
  });
  return { isFollowing, toggle: () => change.mutate(!isFollowing), hasFailed: change.isError };
}
