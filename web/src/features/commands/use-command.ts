import { useEffect, useEffectEvent } from "react";
import { type Command, commands } from "./registry.ts";

interface Offer extends Command {
  /** Whether it can be given right now. */
  enabled?: boolean;
}

/** Offers a command while the component is shown and it is `enabled`. */
export function useCommand({ id, group, key, label, run, enabled = true }: Offer): void {
  const runNow = useEffectEvent(run);
  useEffect(() => {
    if (enabled) {
      return commands.add({ id, group, ...(key && { key }), ...(label && { label }), run: () => runNow() });
    }
    return undefined;
  }, [id, group, key, label, enabled]);
}

/** Listens to the keyboard for the whole window; used once, at the top. */
export function useKeyboard(): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      commands.handle(event);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}
