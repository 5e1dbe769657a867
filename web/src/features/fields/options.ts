import type { FieldOption } from "@/lib/api/types.ts";
import { labelOf } from "@/lib/labels.ts";

export interface Choice {
  /** From the root: `hardware/printer`. */
  id: string;
  label: string;
}

/** The leaves and branches of a tree of options in order, each named with what it is under. */
export function flatOptions(options: readonly FieldOption[], locale: string, above: readonly Choice[] = []): Choice[] {
  return options.flatMap((option) => {
    const id = [...above.map(({ id }) => id.split("/").at(-1)), option.value].join("/");
    const label = [...above.map(({ label }) => label), labelOf(option.labels, locale, option.value)].join(" › ");
    const own = { id, label };
    const path = [...above, { id, label: labelOf(option.labels, locale, option.value) }];
    return [own, ...flatOptions(option.options ?? [], locale, path)];
  });
}
