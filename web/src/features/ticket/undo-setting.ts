import { storage } from "@/lib/storage.ts";

/** The seconds in which a reply can be taken back; 0 sends at once. */
export const UNDO_SECONDS = [0, 5, 10, 30] as const;

const SETTING = "desk.undoSeconds";
const USUAL = 5;

export type UndoSeconds = (typeof UNDO_SECONDS)[number];

export function undoSeconds(): UndoSeconds {
  const chosen = Number(storage.get(SETTING) ?? USUAL);
  return UNDO_SECONDS.find((seconds) => seconds === chosen) ?? USUAL;
}

export function chooseUndoSeconds(seconds: UndoSeconds): void {
  storage.set(SETTING, String(seconds));
}
