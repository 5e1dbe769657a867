import { ApiError } from "@/lib/api/problem.ts";
import type { FieldDefinition, FieldsBody, OwnForm } from "@/lib/api/types.ts";

/** Fields and forms as they are edited. */
export interface Draft {
  fields: readonly FieldDefinition[];
  forms: readonly OwnForm[];
}

export const KINDS = ["text", "number", "money", "date", "choice", "choices", "flag", "lookup"] as const;
export const ACCESS = ["hidden", "read", "write"] as const;
export const MAX_TEXT = 2000;

export const NEW_FIELD: FieldDefinition = {
  key: "",
  kind: "text",
  labels: {},
  active: true,
  filterable: false,
  customers: "hidden",
  options: [],
  currencies: [],
  decimals: 2,
  max_length: MAX_TEXT,
};

export function isChoice(kind: FieldDefinition["kind"]): boolean {
  return kind === "choice" || kind === "choices";
}

/** The document as it is sent: all of it. */
export function sent({ fields, forms }: Draft): FieldsBody {
  return { fields: [...fields], forms: [...forms] };
}

/** What the server says about one place of the document, as `fields`, 2, `key`. */
export interface Placed {
  path: readonly string[];
  text: string;
}

/** What is wrong where; empty if the server named no place. */
export function placesOf(error: Error | null, { fields }: Draft): Placed[] {
  if (!(error instanceof ApiError)) {
    return [];
  }
  const { errors = [], pointer, keys = [] } = error.problem;
  if (pointer) {
    return [{ path: pointer.split("/").slice(1), text: error.message.replace(`${pointer}: `, "") }];
  }
  const fixed = fields.flatMap(({ key }, place) => (keys.includes(key) ? [["fields", String(place), "kind"]] : []));
  return [
    ...errors.map(({ loc, msg }) => ({ path: loc.filter((part) => part !== "body").map(String), text: msg })),
    ...fixed.map((path) => ({ path, text: error.message })),
  ].filter(({ path }) => path.length > 1);
}

/** What is wrong with one entry, by the part of it that it concerns. */
export function problemsAt(places: readonly Placed[], part: keyof Draft, place: number): Map<string, string> {
  const own = places.filter(({ path }) => path[0] === part && path[1] === String(place));
  return new Map(own.map(({ path, text }) => [path[2] ?? "", text]));
}
