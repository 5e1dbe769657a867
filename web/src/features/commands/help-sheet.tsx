import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { KeyCaps } from "./key-caps.tsx";
import { type Command, type CommandName, commands, GROUPS } from "./registry.ts";

/** The `?` sheet: every command that has a key at this moment, read from the registry itself. */
export default function HelpSheet({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["commands", "desk"]);
  const list = useSyncExternalStore(commands.subscribe, commands.list);
  const singleKeys = useSyncExternalStore(commands.subscribe, commands.singleKeys);

  return (
    <Sheet title={t("help.title")} isOpen onClose={onClose}>
      <dl className="grid grid-cols-[1fr_auto] gap-x-6 gap-y-2">
        {GROUPS.flatMap((group) => list.filter((command) => command.group === group)).map((command) => (
          <CommandKey key={command.id} command={command} />
        ))}
      </dl>
      {!singleKeys && <p className="text-sm text-ink-soft">{t("help.singleKeysOff")}</p>}
      <div className="flex justify-between gap-2">
        <Button look="quiet" onClick={() => commands.setSingleKeys(!singleKeys)}>
          {singleKeys ? t("help.switchOff") : t("help.switchOn")}
        </Button>
        <Button onClick={onClose}>{t("desk:common.close")}</Button>
      </div>
    </Sheet>
  );
}

function CommandKey({ command }: { command: Command }) {
  const { t } = useTranslation("commands");
  if (command.key === undefined) {
    return null;
  }
  return (
    <>
      <dt>{command.label ?? t(`name.${command.id as CommandName}`)}</dt>
      <dd>
        <KeyCaps keys={command.key} />
      </dd>
    </>
  );
}
