import { type Condition, holds } from "@/lib/conditions.ts";

/** A field of the organisation's own, as far as showing it needs. */
export interface OwnField {
  key: string;
  kind: string;
  active?: boolean;
  visible_if?: Condition | null;
  required_if?: Condition | null;
}

export interface Form {
  fields: string[];
  types?: string[];
  brands?: string[];
}

export interface Shown {
  visible: boolean;
  required: boolean;
}

/**
 * How each field that the ticket has is shown. Fields are looked at in their order, and one that is not shown is empty
 * for those after it.
 */
export function shownFields(
  fields: readonly OwnField[],
  forms: readonly Form[],
  ticket: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>>,
  now: Date,
): Map<string, Shown> {
  const has = keysOn(forms, ticket);
  const known = new Map(Object.entries(ticket));
  const shown = new Map<string, Shown>();
  for (const field of fields) {
    if (field.active === false || (has !== null && !has.has(field.key))) {
      continue;
    }
    const visible = field.visible_if == null || holds(field.visible_if, known, now);
    const required = visible && field.required_if != null && holds(field.required_if, known, now);
    shown.set(field.key, { visible, required });
    const value = values[field.key];
    if (visible && value != null) {
      known.set(`fields.${field.key}`, comparable(field.kind, value));
    }
  }
  return shown;
}

/** The keys on the forms of this type and brand; null, for all fields, where there are no forms. */
function keysOn(forms: readonly Form[], ticket: Readonly<Record<string, unknown>>): Set<string> | null {
  if (forms.length === 0) {
    return null;
  }
  const fits = (named: string[] | undefined, value: unknown) => !named?.length || named.includes(String(value ?? ""));
  // A type is named by its category, or by a key of the organisation's own.
  const ofType = (form: Form) => fits(form.types, ticket.type) || fits(form.types, ticket.type_key);
  const fitting = forms.filter((form) => ofType(form) && fits(form.brands, ticket.brand));
  return new Set(fitting.flatMap((form) => form.fields));
}

/** Money is compared by its amount, whatever the currency, and a day by its beginning in UTC. */
function comparable(kind: string, value: unknown): unknown {
  if (kind === "money") {
    return Number((value as { amount: string }).amount);
  }
  return kind === "date" ? new Date(`${String(value)}T00:00:00Z`) : value;
}
