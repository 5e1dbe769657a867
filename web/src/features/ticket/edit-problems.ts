import { ApiError, slugOf, statusOf } from "@/lib/api/problem.ts";
import type { Agent, FieldDefinition, Ticket } from "@/lib/api/types.ts";
import { formatExact } from "@/lib/format.ts";
import { labelOf } from "@/lib/labels.ts";
import { statusName, type Translate, typeName } from "./settings.ts";

/** Somebody changed the very same of a ticket meanwhile. */
export class Moved extends Error {
  readonly ticket: Ticket;
  readonly fields: readonly (keyof Ticket)[];

  constructor(ticket: Ticket, fields: readonly (keyof Ticket)[]) {
    super("changed meanwhile");
    this.ticket = ticket;
    this.fields = fields;
  }
}

export interface FieldProblem {
  code: string;
  /** In the server's words. */
  problem: string;
}

/** What problem documents of edits tell beside their kind. */
interface Told {
  fields?: string[];
  count?: number;
  assignee_id?: string;
  errors?: { field: string; code: string; problem: string }[];
}

function told(error: unknown): Told {
  return error instanceof ApiError ? (error.problem as unknown as Told) : {};
}

/**
 * The fields to fill in first; null where that was not the problem. A status asks for some, and so does a field by whose
 * value others have to be filled in: it is kept together with them.
 */
export function missingFields(error: unknown): string[] | null {
  switch (slugOf(error)) {
    case "fields-missing":
      return told(error).fields ?? [];
    case "fields-invalid": {
      const errors = told(error).errors ?? [];
      return errors.every(({ code }) => code === "required") ? errors.map(({ field }) => `fields.${field}`) : null;
    }
    default:
      return null;
  }
}

export function fieldProblems(error: unknown): ReadonlyMap<string, FieldProblem> {
  const problems = slugOf(error) === "fields-invalid" ? (told(error).errors ?? []) : [];
  return new Map(problems.map(({ field, code, problem }) => [field, { code, problem }]));
}

/** The codes of the server that have words here. */
const CODES = [
  "bad-amount",
  "bad-date",
  "bad-id",
  "not-shown",
  "out-of-range",
  "required",
  "too-long",
  "too-many-decimals",
  "unknown-currency",
] as const;

export function fieldProblemWords(t: Translate, { code, problem }: FieldProblem): string {
  const known = CODES.find((each) => each === code);
  return known ? t(`panel:wrong.${known}`) : problem;
}

interface Context {
  t: Translate;
  locale: string;
  agents: readonly Agent[];
}

/** Why a change was taken back, and what is true instead. */
export function editProblem(error: Error, { t, locale, agents }: Context): string {
  if (error instanceof Moved) {
    const now = error.fields.flatMap((name) => {
      const value = shownValue(t, error.ticket, name, locale);
      return value === null ? [] : [value];
    });
    return now.length > 0 ? t("panel:edit.moved", { now: now.join("; ") }) : t("ticket.changedMeanwhile");
  }
  switch (slugOf(error)) {
    case "already-assigned": {
      const { assignee_id } = told(error);
      const name = agents.find((agent) => agent.id === assignee_id)?.name;
      return name ? t("panel:edit.takenBy", { name }) : t("panel:edit.taken");
    }
    case "children-open":
      return t("panel:edit.childrenOpen", { count: told(error).count ?? 1 });
    case "not-an-agent":
      return t("panel:edit.notAnAgent");
    case "way-closed":
      return t("panel:edit.wayClosed");
    case "invalid-transition":
      return t("panel:edit.noWay");
    case "ticket-closed":
      return t("panel:edit.closed");
    case "fields-invalid":
      return t("panel:edit.fieldsInvalid");
    case "bad-until":
      return t("panel:snooze.badTime");
  }
  switch (statusOf(error)) {
    case 412:
      return t("ticket.changedMeanwhile");
    case 403:
      return t("ticket.forbidden");
    case null:
      return t("ticket.notSaved");
    default:
      return error.message;
  }
}

/** "Status: Pending", for what a person can change; null for what follows from it. */
function shownValue(t: Translate, ticket: Ticket, name: keyof Ticket, locale: string): string | null {
  switch (name) {
    case "subject":
      return pair(t("panel:field.subject"), ticket.subject);
    case "status_key":
      return pair(
        t("ticket.status"),
        statusName(t, { key: ticket.status_key, labels: ticket.status_labels }, ticket.status, locale),
      );
    case "type_key":
      return pair(
        t("panel:field.type"),
        typeName(t, { key: ticket.type_key, labels: ticket.type_labels }, ticket.type, locale),
      );
    case "priority":
      return pair(t("panel:field.priority"), t(`panel:priority.${ticket.priority}`));
    case "urgency":
    case "impact":
      return pair(t(`panel:field.${name}`), levelName(t, ticket[name]));
    case "group":
      return pair(t("panel:field.group"), ticket.group ?? t("panel:none"));
    case "tags":
      return pair(t("panel:field.tags"), ticket.tags.join(", ") || t("panel:none"));
    case "assignee":
      return pair(t("ticket.assignee"), ticket.assignee?.name ?? t("ticket.unassigned"));
    case "snoozed_until":
      return ticket.snoozed_until
        ? t("panel:snooze.until", { when: formatExact(ticket.snoozed_until, locale) })
        : t("panel:snooze.awake");
    default:
      return null;
  }
}

function pair(name: string, value: string): string {
  return `${name}: ${value}`;
}

function levelName(t: Translate, level: Ticket["urgency"]): string {
  return level === null ? t("panel:none") : t(`panel:level.${level}`);
}

/** What a field is called that a change asks for: one of the desk's, or one of the organisation's own. */
export function fieldName(t: Translate, name: string, own: readonly FieldDefinition[], locale: string): string {
  const key = name.replace(/^fields\./, "");
  const field = name === key ? undefined : own.find((each) => each.key === key);
  if (field) {
    return labelOf(field.labels, locale, key);
  }
  switch (name) {
    case "assignee":
      return t("ticket.assignee");
    case "group":
    case "tags":
    case "urgency":
    case "impact":
    case "language":
      return t(`panel:field.${name}`);
    default:
      return key;
  }
}
