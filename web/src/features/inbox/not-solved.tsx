import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { editProblem, missingFields } from "@/features/ticket/edit-problems.ts";
import { agentsQuery } from "@/features/ticket/queries.ts";
import { heldQuery } from "@/features/ticket/send-over.ts";
import { Button } from "@/ui/button.tsx";
import type { Refused } from "./use-solve-next.ts";

interface NotSolvedProps {
  refused: Refused;
  onOpen: (id: string) => void;
  onForget: (id: string) => void;
}

/** Says that a ticket left behind was not solved, why, and leads back to it, where what is missing is asked for. */
export default function NotSolved({ refused, onOpen, onForget }: NotSolvedProps) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const { t: say } = useTranslation("inbox");
  const queryClient = useQueryClient();
  const agents = useQuery(agentsQuery);
  const { id, number, error } = refused;
  const reason =
    missingFields(error) === null
      ? editProblem(error, { t, locale: i18n.language, agents: agents.data ?? [] })
      : t("panel:held.hint");
  return (
    <div role="alert" className="flex flex-col gap-2 border-b border-line bg-bad-soft px-4 py-2 text-sm text-bad">
      <p>{number === null ? say("notSolved.some", { reason }) : say("notSolved.one", { number, reason })}</p>
      <span className="flex gap-2">
        <Button
          onClick={() => {
            onOpen(id);
            onForget(id);
          }}
        >
          {say("notSolved.open")}
        </Button>
        <Button
          look="quiet"
          onClick={() => {
            queryClient.setQueryData(heldQuery(id).queryKey, null);
            onForget(id);
          }}
        >
          {t("common.close")}
        </Button>
      </span>
    </div>
  );
}
