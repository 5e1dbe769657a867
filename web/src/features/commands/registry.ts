import { storage } from "@/lib/storage.ts";
import type commandTexts from "@/locales/en/commands.json";

/** What a person can ask for, under the heading by which palette and help sort it. */
export const GROUPS = ["ticket", "list", "go", "desk"] as const;
export type Group = (typeof GROUPS)[number];

export interface Command {
  /** Its name in the texts, `commands:name.<id>`, unless `label` says it. */
  id: CommandName | `${Group}:${string}`;
  group: Group;
  /**
   * `KeyboardEvent.key`, for example "j" or "Escape"; two, one after the other, as "g i"; or "Control+k", which works
   * in fields, too, and is the command key where there is one. "Control+Enter", with a large letter, is told of alone:
   * the field that it belongs to hears it. Without, the palette and menus alone give it.
   */
  key?: string;
  /** In words, where it is made from data: a view, a macro. */
  label?: string;
  run: () => void;
}

export type CommandName = keyof typeof commandTexts.name;

const SETTING = "desk.singleKeys";
const EDITABLE = "input, textarea, select, [contenteditable]";
const PRESSABLE = "button, a[href], [role=button], [role=tab], [role=radio], summary";
const OVERLAY = "[data-overlay], [role=dialog], [role=menu]";
/** How long the first of two keys waits for the second. */
const PAIR_MS = 1500;

/** The commands that can be given right now: what the keyboard runs and what the help shows are the same list. */
export class CommandRegistry {
  readonly #commands = new Map<Command["id"], Command>();
  readonly #listeners = new Set<() => void>();
  #snapshot: readonly Command[] = [];
  #singleKeys = storage.get(SETTING) !== "off";
  #first = { key: "", at: 0 };

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
    if (event.defaultPrevented || event.isComposing || event.altKey) {
      return false;
    }
    const isCombination = event.ctrlKey || event.metaKey;
    if (event.key === "Escape" && leaveField(event.target)) {
      return false;
    }
    if (!isCombination && !this.#isFree(event)) {
      return false;
    }
    const command = isCombination ? this.#of(`Control+${event.key.toLowerCase()}`) : this.#ofPair(event);
    if (command === undefined) {
      return false;
    }
    event.preventDefault();
    command.run();
    return true;
  }

  /** Whether a key by itself is nobody else's: not written into a field, nor pressed on a button or above the page. */
  #isFree(event: KeyboardEvent): boolean {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest(`${OVERLAY}, ${EDITABLE}`)) {
      return false;
    }
    const isCharacter = event.key.length === 1;
    return !((isCharacter && !this.#singleKeys) || (event.key === "Enter" && target?.closest(PRESSABLE)));
  }

  #ofPair(event: KeyboardEvent): Command | undefined {
    const { key, at } = this.#first;
    this.#first = { key: event.key, at: event.timeStamp };
    const second = event.timeStamp - at < PAIR_MS ? this.#of(`${key} ${event.key}`) : undefined;
    if (second !== undefined) {
      this.#first.key = "";
    }
    return second ?? this.#of(event.key);
  }

  #of(key: string): Command | undefined {
    return this.#snapshot.find((command) => command.key === key);
  }

  #changed(): void {
    this.#snapshot = [...this.#commands.values()];
    for (const listener of this.#listeners) listener();
  }
}

/** Escape first leaves the field one writes in: what is typed there must not go with the ticket that it closes. */
function leaveField(target: EventTarget | null): boolean {
  const field = target instanceof HTMLElement && !target.closest(OVERLAY) && target.closest<HTMLElement>(EDITABLE);
  if (field) {
    field.blur();
  }
  return Boolean(field);
}

export const commands = new CommandRegistry();
