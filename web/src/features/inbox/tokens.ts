/**
 * The search line in the browser, token by token as services/tickets/domain/query.py reads it, for what has to be known
 * while somebody types: which fields there are, and whether words are searched for.
 */
export type Kind = "word" | "words" | "text" | "number" | "moment" | "flag";

export const FIELDS: Readonly<Record<string, Kind>> = {
  status: "word",
  priority: "word",
  type: "word",
  channel: "word",
  language: "word",
  number: "word",
  created: "moment",
  updated: "moment",
  assignee: "word",
  requester: "word",
  organisation: "word",
  tier: "word",
  group: "word",
  brand: "word",
  tags: "words",
  due: "moment",
  solved: "moment",
  snoozed: "moment",
  review: "word",
  urgency: "word",
  impact: "word",
};

const TOKEN =
  /(?<open>\()|(?<close>\))|(?<minus>-(?=[^\s-]))|(?<field>[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}\p{N}_]+)*)(?<sign>:|>=|<=|>|<)(?<value>(?:"[^"]*"|[^\s()",]+)(?:,(?:"[^"]*"|[^\s()",]+))*)|"(?<phrase>[^"]*)"?|(?<word>[^\s()"]+)/gu;

export type Token = Partial<
  Record<"open" | "close" | "minus" | "field" | "sign" | "value" | "phrase" | "word", string>
>;

export function tokens(line: string): Token[] {
  return [...line.matchAll(TOKEN)].map((match) => match.groups ?? {});
}

/** Whether anything in the line is looked for in what is written, not in fields. A field nobody knows is words, too. */
export function hasWords(line: string): boolean {
  return tokens(line).some(
    ({ field, phrase, word }) =>
      phrase !== undefined ||
      (word !== undefined && !["OR", "AND", "NOT"].includes(word)) ||
      (field !== undefined && !isField(field.toLowerCase())),
  );
}

function isField(name: string): boolean {
  return name in FIELDS || name.startsWith("fields.");
}
