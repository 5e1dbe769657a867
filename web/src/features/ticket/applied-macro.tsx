import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { MacroChanges } from "./macro-changes.tsx";
import { agentsQuery } from "./queries.ts";
import type { AppliedMacro } from "./use-macro.ts";

/** What a macro has just done to the ticket, until the writer has seen it. */
export function Applied({ macro, changes, onClose }: AppliedMacro & { onClose: () => void }) {
  const { t } = useTranslation(["ticket", "desk"]);
  const agents = useQuery(agentsQuery);
  const names = new Map((agents.data ?? []).map((agent) => [agent.id, agent.name]));
  return (
    <div role="status" className="mx-2 mb-2 flex items-start gap-2 rounded-md bg-canvas py-1 ps-3 pe-1 text-sm">
      <div className="min-w-0 flex-1 py-1">
        <p dir="auto" className="page-start font-medium">
          {t("macro.applied", { name: macro.name })}
        </p>
        <MacroChanges changes={changes} names={names} />
      </div>
      <Button look="quiet" size="icon" aria-label={t("desk:common.close")} onClick={onClose}>
        <X aria-hidden className="size-4" />
      </Button>
    </div>
  );
}
