import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import { slugOf, statusOf } from "@/lib/api/problem.ts";
import type { Link, Relation, Ticket, TicketRow } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";
import { ChoiceField } from "@/ui/field.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { refresh } from "./queries.ts";
import { TicketCard } from "./ticket-card.tsx";
import { TicketPicker } from "./ticket-picker.tsx";

/** What another ticket can be made; a split makes its links itself. */
const RELATIONS = [
  "related",
  "parent",
  "child",
  "problem",
  "incident",
  "original",
  "duplicate",
  "follows",
  "follow_up",
] as const satisfies readonly Relation[];

interface LinkSheetProps {
  ticket: Ticket;
  onClose: () => void;
}

/** Says what another ticket is to this one. */
export default function LinkSheet({ ticket, onClose }: LinkSheetProps) {
  const { t } = useTranslation(["links", "desk"]);
  const queryClient = useQueryClient();
  const [other, setOther] = useState<TicketRow | null>(null);
  const [relation, setRelation] = useState<(typeof RELATIONS)[number]>("related");
  const link = useMutation({
    mutationFn: async ({ to, blocks }: { to: TicketRow; blocks: boolean }): Promise<Link> => {
      const body = { relation, ticket_id: to.id, blocks };
      return answer(
        tickets.POST("/api/tickets/{ticket_id}/links", { params: { path: { ticket_id: ticket.id } }, body }),
      );
    },
    onSuccess: (_link, { to }) => {
      refresh(queryClient, [ticket.id, to.id]);
      onClose();
    },
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (other) {
      link.mutate({ to: other, blocks: new FormData(event.currentTarget).has("blocks") });
    }
  };
  return (
    <Sheet title={t("link.title")} isOpen onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <TicketPicker except={ticket.id} onPick={setOther} />
        {other && <TicketCard title={t(`relation.${relation}`)} ticket={other} />}
        <ChoiceField
          label={t("link.relation")}
          value={relation}
          onChange={({ target }) => setRelation(RELATIONS.find((each) => each === target.value) ?? "related")}
        >
          {RELATIONS.map((each) => (
            <option key={each} value={each}>
              {t(`relation.${each}`)}
            </option>
          ))}
        </ChoiceField>
        {relation === "child" && (
          <label className="flex items-start gap-2 text-sm">
            <input type="checkbox" name="blocks" className="mt-0.5 size-4 shrink-0" />
            {t("link.blocks")}
          </label>
        )}
        <div role="alert" className="text-sm text-bad empty:hidden">
          {link.error && words(link.error)}
        </div>
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button look="primary" type="submit" disabled={other === null || link.isPending}>
            {t("link.submit")}
          </Button>
        </div>
      </form>
    </Sheet>
  );

  function words(error: Error): string {
    switch (slugOf(error)) {
      case "link-taken":
        return t("link.taken");
      case "link-circle":
        return t("link.circle");
      case "linked-to-itself":
        return t("link.itself");
    }
    return statusOf(error) === 403 ? t("desk:ticket.forbidden") : t("failed");
  }
}
