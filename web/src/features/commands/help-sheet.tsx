import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { Kbd } from "@/ui/kbd.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { type CommandId, commands } from "./registry.ts";

const ORDER: CommandId[] = ["next", "previous", "open", "close", "reply", "note", "takeIt", "solve", "help"];

/** The `?` sheet: every command there is at this moment, read from the registry itself. */
export default function HelpSheet({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const list = useSyncExternalStore(commands.subscribe, commands.list);
  const singleKeys = useSyncExternalStore(commands.subscribe, commands.singleKeys);

  return (
    <Sheet title={t("help.title")} isOpen onClose={onClose}>
      <dl className="grid grid-cols-[1fr_auto] gap-x-6 gap-y-2">
        {[...list]
          .sort((a, b) => ORDER.indexOf(a.id) - ORDER.indexOf(b.id))
          .map((command) => (
            <div key={command.id} className="contents">
              <dt>{t(`commands.${command.id}`)}</dt>
              <dd>
                <Kbd>{keyLabel(command.key)}</Kbd>
              </dd>
            </div>
          ))}
        <dt>{t("help.send")}</dt>
        <dd className="flex gap-1">
          <Kbd>Ctrl</Kbd>
          <Kbd>Enter</Kbd>
        </dd>
      </dl>
      {!singleKeys && <p className="text-sm text-ink-soft">{t("help.singleKeysOff")}</p>}
      <div className="flex justify-between gap-2">
        <Button look="quiet" onClick={() => commands.setSingleKeys(!singleKeys)}>
          {singleKeys ? t("help.switchOff") : t("help.switchOn")}
        </Button>
        <Button onClick={onClose}>{t("common.close")}</Button>
      </div>
    </Sheet>
  );
}

function keyLabel(key: string): string {
  return key === "Escape" ? "Esc" : key.length === 1 ? key.toUpperCase() : key;
}
