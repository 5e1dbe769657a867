export interface SnoozePreset {
  id: "soon" | "tomorrow" | "monday" | "nextWeek";
  at: Date;
}

export const SOON_HOURS = 3;
const MORNING = 9;
const MONDAY = 1;

/** Times to put a ticket off until, in the reader's zone. Each is later than `now`, and none stands there twice. */
export function snoozePresets(now: Date): SnoozePreset[] {
  const tomorrow = morning(now, 1);
  const monday = morning(now, (7 + MONDAY - now.getDay()) % 7 || 7);
  const presets: SnoozePreset[] = [
    { id: "soon", at: new Date(now.getTime() + SOON_HOURS * 3_600_000) },
    { id: "tomorrow", at: tomorrow },
    { id: "monday", at: monday },
    { id: "nextWeek", at: morning(now, 7) },
  ];
  return presets.filter(({ at }, index) => !presets.slice(0, index).some((each) => each.at.getTime() === at.getTime()));
}

function morning(now: Date, days: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, MORNING);
}

/** A moment as `<input type="datetime-local">` takes it: the wall clock of the reader. */
export function localInput(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}
