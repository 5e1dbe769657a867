import { useSyncExternalStore } from "react";
import { storage } from "@/lib/storage.ts";

const NAMES = { desktop: "desk.notify.desktop", sound: "desk.notify.sound" } as const;
type Setting = keyof typeof NAMES;

const listeners = new Set<() => void>();

/** Both are off until somebody switches them on. */
export function isOn(setting: Setting): boolean {
  return storage.get(NAMES[setting]) === "on";
}

export function set(setting: Setting, on: boolean): void {
  storage.set(NAMES[setting], on ? "on" : "off");
  for (const listener of listeners) listener();
}

export function useSetting(setting: Setting): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => isOn(setting),
  );
}

/** Whether this browser can show anything outside its windows. */
export const hasDesktop = "Notification" in globalThis;

/** Switches desktop notifications on, asking the browser where it has not been asked. Returns whether they are. */
export async function allowDesktop(): Promise<boolean> {
  const granted = hasDesktop && (await Notification.requestPermission()) === "granted";
  set("desktop", granted);
  return granted;
}
