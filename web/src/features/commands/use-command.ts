import { useEffect, useEffectEvent } from "react";
import { type CommandId, commands } from "./registry.ts";

/** Offers a command while the component is shown and `enabled`. */
export function useCommand(id: CommandId, key: string, run: () => void, enabled = true): void {
  const runNow = useEffectEvent(run);
  useEffect(() => {
    if (enabled) {
      return commands.add({ id, key, run: () => runNow() });
    }
    return undefined;
  }, [id, key, enabled]);
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
