const ADDRESS = /^(?:[^<>]*<\s*([^<>@\s]+@[^<>@\s]+)\s*>|([^<>@\s]+@[^<>@\s]+))$/;

/** The addresses in a line, each with or without a name, and whether all of the line is addresses. */
export function copiesIn(typed: string): { cc: string[]; isFinished: boolean } {
  const parts = typed
    .split(/[,;]/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const found = parts.map((part) => ADDRESS.exec(part)).map((match) => match?.[1] ?? match?.[2]);
  const cc = found.filter((address) => address !== undefined);
  return { cc: [...new Set(cc)], isFinished: cc.length === parts.length };
}
