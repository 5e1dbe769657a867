import type { FieldOption } from "@/lib/api/types.ts";

/** The place of an option: among its siblings, below the places of those above it. */
export type Path = readonly number[];

/** The tree with the siblings at that place changed. */
export function changedAt(
  options: readonly FieldOption[],
  path: Path,
  change: (siblings: readonly FieldOption[], place: number) => FieldOption[],
): FieldOption[] {
  const [place = 0, ...below] = path;
  if (below.length === 0) {
    return change(options, place);
  }
  return options.map((each, nth) =>
    nth === place ? { ...each, options: changedAt(each.options, below, change) } : each,
  );
}

/** The tree with one option edited. */
export function editedAt(options: readonly FieldOption[], path: Path, edits: Partial<FieldOption>): FieldOption[] {
  return changedAt(options, path, (siblings, place) =>
    siblings.map((each, nth) => (nth === place ? { ...each, ...edits } : each)),
  );
}

export const NEW_OPTION: FieldOption = { value: "", labels: {}, options: [] };

/** A key made from a name, as far as its letters are of those that keys have. */
export function keyFrom(name: string): string {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 40);
}
