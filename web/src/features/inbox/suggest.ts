/** What the search box knows to propose: the fields, and for some of them values with what these are called. */
export type Catalogue = ReadonlyMap<string, { label: string; values: readonly Value[]; isMoment?: boolean }>;

export interface Value {
  value: string;
  label: string;
}

export interface Suggestion {
  /** What stands there afterwards, instead of what stood between `from` and `to`. */
  insert: string;
  label: string;
  from: number;
  to: number;
}

const MOST = 8;
const DISTANCES = ["-1d", "-7d", "-30d"];
/** Of an empty field; a value that is called so stands in quotes. */
const NOTHING: Value = { value: "none", label: "" };

/** What may be meant by what is being written at the caret, the likeliest first; nothing after a blank. */
export function suggest(line: string, caret: number, catalogue: Catalogue): Suggestion[] {
  const from = Math.max(...[" ", "("].map((sign) => line.lastIndexOf(sign, caret - 1))) + 1;
  const start = line[from] === "-" ? from + 1 : from;
  const typed = line.slice(start, caret);
  if (typed === "" || typed.includes('"')) {
    return [];
  }
  const [, field, sign, values] = /^([\w.]+)(:|>=|<=|>|<)(.*)$/.exec(typed) ?? [];
  if (field === undefined || sign === undefined || values === undefined) {
    const name = typed.toLowerCase();
    return [...catalogue]
      .filter(([key, { label }]) => key.startsWith(name) || label.toLowerCase().startsWith(name))
      .slice(0, MOST)
      .map(([key, { label, isMoment }]) => ({ insert: key + (isMoment ? ">" : ":"), label, from: start, to: caret }));
  }
  const known = catalogue.get(field.toLowerCase());
  const written = values.slice(values.lastIndexOf(",") + 1).toLowerCase();
  const choices = known?.isMoment
    ? DISTANCES.map((value) => ({ value, label: "" }))
    : sign === ":"
      ? [...(known?.values ?? []), NOTHING]
      : [];
  return choices
    .filter(({ value, label }) => value.toLowerCase().startsWith(written) || label.toLowerCase().includes(written))
    .filter(({ value }) => known !== undefined && value.toLowerCase() !== written)
    .slice(0, MOST)
    .map((choice) => ({
      insert: choice === NOTHING || !/[\s,()]|^none$/.test(choice.value) ? choice.value : `"${choice.value}"`,
      label: choice.label,
      from: caret - written.length,
      to: caret,
    }));
}
