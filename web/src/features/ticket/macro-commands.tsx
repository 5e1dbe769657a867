import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import type { Macro } from "@/lib/api/types.ts";
import { macrosQuery } from "./macro-queries.ts";

/** Every macro as a command of its own, for the palette. */
export function MacroCommands({ onApply }: { onApply: (macro: Macro) => void }) {
  const macros = useQuery(macrosQuery);
  return macros.data?.map((macro) => <MacroCommand key={macro.id} macro={macro} onApply={onApply} />);
}

function MacroCommand({ macro, onApply }: { macro: Macro; onApply: (macro: Macro) => void }) {
  const { t } = useTranslation("ticket");
  const label = t("macro.apply", { name: macro.name });
  useCommand({ id: `ticket:macro.${macro.id}`, group: "ticket", label, run: () => onApply(macro) });
  return null;
}
