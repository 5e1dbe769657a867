import { storage } from "@/lib/storage.ts";

/** What a person can ask for by a key. The label is the translation `commands.<id>`. */
export type CommandId = "next" | "previous" | "open" | "close" | "reply" | "note" | "solve" | "takeIt" | "help";

export interface Command {
  id: CommandId;
  /** `KeyboardEvent.key`, for example "j" or "Escape". */
  key: string;
  run: () => void;
}

const SETTING = "desk.singleKeys";
const EDITABLE = "input, textarea, select, [contenteditable]";
const PRESSABLE = "button, a[href], [role=button], [role=tab], [role=radio], summary";
const OVERLAY = "[data-overlay], [role=dialog], [role=menu]";

/** The commands that can be given right now: what the keyboard runs and what the help shows are the same list. */
export class CommandRegistry {
  readonly #commands = new Map<CommandId, Command>();
  readonly #listeners = new Set<() => void>();
  #snapshot: readonly Command[] = [];
  #singleKeys = storage.get(SETTING) !== "off";

  add(command: Command): () => void {
    this.#commands.set(command.id, command);
    this.#changed();
    return () => {
      if (this.#commands.get(command.id) === command) {
        this.#commands.delete(command.id);
        this.#changed();
      }
    };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  list = (): readonly Command[] => this.#snapshot;

  singleKeys = (): boolean => this.#singleKeys;

  /** Switches character keys off or on (WCAG 2.1.4); Enter and Escape stay. */
  setSingleKeys(on: boolean): void {
    this.#singleKeys = on;
    storage.set(SETTING, on ? "on" : "off");
    this.#changed();
  }

  /** Runs what the key asks for, unless it belongs to whatever has the focus. Returns whether it ran. */
  handle(event: KeyboardEvent): boolean {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) {
      return false;
    }
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest(OVERLAY) || (target?.closest(EDITABLE) && event.key !== "Escape")) {
      return false;
    }
    const isCharacter = event.key.length === 1;
    if ((isCharacter && !this.#singleKeys) || (event.key === "Enter" && target?.closest(PRESSABLE))) {
      return false;
    }
    const command = this.#snapshot.find((each) => each.key === event.key);
    if (command === undefined) {
      return false;
    }
    event.preventDefault();
    command.run();
    return true;
  }

  #changed(): void {
    this.#snapshot = [...this.#commands.values()];
    for (const listener of this.#listeners) listener();
  }
}

export const commands = new CommandRegistry();
