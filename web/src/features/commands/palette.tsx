import { Search } from "lucide-react";
import { type KeyboardEvent, useId, useMemo, useState, useSyncExternalStore } from "react";
import { Dialog, Modal, ModalOverlay } from "react-aria-components";
import { flushSync } from "react-dom";
import { useTranslation } from "react-i18next";
import { KeyCaps } from "./key-caps.tsx";
import { noteCommand, recentCommands } from "./recent.ts";
import { type CommandName, commands } from "./registry.ts";
import { type Named, sections } from "./sections.ts";

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };

/** Every command that can be given right now, found by typing. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("commands");
  return (
    <ModalOverlay
      isOpen
      isDismissable
      onOpenChange={(open) => !open && onClose()}
      data-overlay=""
      className="fixed inset-0 z-20 flex items-start justify-center bg-[oklch(0.15_0.02_265/0.45)] p-4 pt-[12vh]"
    >
      <Modal className="w-full max-w-140 overflow-hidden rounded-lg border border-line bg-raised shadow-pop">
        <Dialog aria-label={t("palette.label")} className="flex max-h-[70vh] flex-col outline-none">
          <Finder onClose={onClose} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function Finder({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("commands");
  const list = useSyncExternalStore(commands.subscribe, commands.list);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const id = useId();

  const shown = useMemo(() => {
    const named = list
      .filter((command) => command.id !== "palette")
      .map((command): Named => ({ ...command, name: command.label ?? t(`name.${command.id as CommandName}`) }));
    return sections(named, query, recentCommands());
  }, [list, query, t]);
  const flat = shown.flatMap((section) => section.commands);
  const current = flat[Math.min(at, flat.length - 1)];
  const optionId = (command: Named) => `${id}-${command.id}`;

  const give = (command: Named) => {
    noteCommand(command.id);
    // Gone before it runs: what it opens or focuses must not be under, or taken back by, a dialog that closes.
    flushSync(onClose);
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step !== undefined && flat.length > 0) {
      event.preventDefault();
      const next = (Math.min(at, flat.length - 1) + step + flat.length) % flat.length;
      setAt(next);
      document.getElementById(optionId(flat[next] as Named))?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && current !== undefined && !event.nativeEvent.isComposing) {
      event.preventDefault();
      give(current);
    }
  };

  return (
    <>
      <div className="flex h-12 shrink-0 items-center gap-3 border-b border-line px-4 focus-within:border-accent">
        <Search aria-hidden className="size-4 shrink-0 text-ink-faint" />
        <input
          // biome-ignore lint/a11y/noAutofocus: the dialog was asked for to type into it
          autoFocus
          type="text"
          role="combobox"
          dir="auto"
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
          aria-label={t("palette.hint")}
          aria-expanded
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={current && optionId(current)}
          placeholder={t("palette.hint")}
          spellCheck={false}
          autoComplete="off"
          className="page-start h-full min-w-0 flex-1 bg-transparent text-base outline-none placeholder:text-ink-faint"
        />
      </div>
      <div role="listbox" id={`${id}-list`} aria-label={t("palette.label")} className="min-h-0 overflow-y-auto p-1">
        {shown.map((section) => (
          // biome-ignore lint/a11y/useSemanticElements: a group of options, not of fields
          <div key={section.id} role="group" aria-labelledby={`${id}-${section.id}`} className="pb-1">
            <div id={`${id}-${section.id}`} className="px-3 pt-2 pb-1 text-xs text-ink-faint">
              {section.id === "recent" ? t("palette.recent") : t(`group.${section.id}`)}
            </div>
            {section.commands.map((command) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard stays in the field and names the option
              <div
                key={command.id}
                id={optionId(command)}
                role="option"
                tabIndex={-1}
                aria-selected={command === current}
                onPointerMove={() => setAt(flat.indexOf(command))}
                onClick={() => give(command)}
                className="flex h-9 cursor-default items-center gap-3 rounded-sm px-3 text-sm aria-selected:bg-selected"
              >
                <span dir="auto" className="page-start min-w-0 flex-1 truncate">
                  {command.name}
                </span>
                {command.key && <KeyCaps keys={command.key} />}
              </div>
            ))}
          </div>
        ))}
      </div>
      <p role="status" className={flat.length > 0 ? "sr-only" : "px-4 py-6 text-center text-sm text-ink-soft"}>
        {flat.length === 0 && t("palette.none")}
      </p>
    </>
  );
}
