import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { editProblem, missingFields } from "./edit-problems.ts";
import { type Failure, forgetFailure } from "./failures.ts";
import { agentsQuery } from "./queries.ts";
import { heldQuery } from "./send-over.ts";
import { sendProblem } from "./send-problem.ts";

/** Says that what was sent or changed on a ticket left behind was refused, why, and leads back to it. */
export default function NotDone({ failure, onOpen }: { failure: Failure; onOpen: (id: string) => void }) {
  const { t, i18n } = useTranslation(["ticket", "desk", "panel"]);
  const { t: desk } = useTranslation(["desk", "panel"]);
  const queryClient = useQueryClient();
  const agents = useQuery(agentsQuery);
  const { id, number, what, error } = failure;
  const reason = () => {
    if (what === "message") {
      return sendProblem(t, error);
    }
    return missingFields(error) === null
      ? editProblem(error, { t: desk, locale: i18n.language, agents: agents.data ?? [] })
      : t("panel:held.hint");
  };
  const close = () => {
    if (what === "change") {
      // Nor is it asked for any more when its ticket is opened.
      queryClient.setQueryData(heldQuery(id).queryKey, null);
    }
    forgetFailure(failure);
  };
  return (
    <div role="alert" className="flex flex-col gap-2 border-b border-line bg-bad-soft px-4 py-2 text-sm text-bad">
      <p>{t(`left.${what}`, { number, reason: reason() })}</p>
      <span className="flex gap-2">
        <Button onClick={() => onOpen(id)}>{t("left.open")}</Button>
        <Button look="quiet" onClick={close}>
          {t("desk:common.close")}
        </Button>
      </span>
    </div>
  );
}
