import type { TFunction } from "i18next";
import { statusName, typeName } from "@/features/ticket/settings.ts";
import type { FieldDefinition, Lifecycle, Relation, Status, TicketType, TimelineEntry } from "@/lib/api/types.ts";
import { formatExact, languageName } from "@/lib/format.ts";
import { labelOf } from "@/lib/labels.ts";
import type history from "@/locales/en/history.json";

export interface Settings {
  lifecycle: Lifecycle | undefined;
  fields: readonly FieldDefinition[];
}

/** A field before and after, in words; null where there was, or is, nothing. */
export interface ToldChange {
  field: string;
  before: string | null;
  after: string | null;
}

type T = TFunction<["history", "desk", "panel", "links"]>;
type Cause = keyof typeof history.cause;
type Field = keyof typeof history.field;

/** The causes of the service by the names their words have here. */
const CAUSES: Record<string, Cause> = {
  created: "created",
  api: "created",
  "message.received": "created",
  edit: "edit",
  assign: "assign",
  claim: "claim",
  routing: "routing",
  reply: "reply",
  macro: "macro",
  bulk: "bulk",
  snooze: "snooze",
  "snooze.over": "snoozeOver",
  follow: "follow",
  unfollow: "unfollow",
  link: "link",
  unlink: "unlink",
  merge: "merge",
  "merge.undone": "mergeUndone",
  split: "split",
  requester: "requester",
  review: "review",
  "lifecycle.closed": "lifecycleClosed",
  "assignee.inactive": "assigneeInactive",
  "problem.solved": "problemSolved",
  "message.bounced": "bounced",
  "customer.merged": "customerMerged",
  "customer.unmerged": "customerUnmerged",
  "reply.taken_back": "replyTakenBack",
  "reply.moved": "replyMoved",
  "reply.refused": "replyRefused",
  threading: "threading",
  import: "import",
};

export function causeOf(cause: string): Cause {
  return CAUSES[cause] ?? "other";
}

/** Fields by the names their words have here; what is not among them follows from another, or is no news. */
const FIELDS: Record<string, Field> = {
  status: "status",
  priority: "priority",
  urgency: "urgency",
  impact: "impact",
  type: "type",
  subject: "subject",
  assignee_id: "assignee",
  requester_id: "requester",
  requester_email: "requester",
  group: "group",
  language: "language",
  tags: "tags",
  brand: "brand",
  snoozed_until: "snoozed",
  follower: "follower",
  link: "link",
  merged: "merged",
  split_into: "splitInto",
  split_from: "splitFrom",
  scheduled: "scheduled",
  macro: "macro",
};

/** What an entry changed, field by field. */
export function toldChanges(t: T, entry: TimelineEntry, settings: Settings, locale: string): ToldChange[] {
  const changes = entry.changes as Record<string, { before?: unknown; after?: unknown }>;
  const told: ToldChange[] = [];
  for (const [name, change] of Object.entries(changes)) {
    const own = settings.fields.find((each) => `fields.${each.key}` === name);
    const known = FIELDS[keyed(name, changes)];
    if (own === undefined && known === undefined && !name.startsWith("fields.")) {
      continue;
    }
    const field = known ? t(`field.${known}`) : own ? labelOf(own.labels, locale, own.key) : name.slice(7);
    const value = (raw: unknown) => shown(t, name, raw, { entry, settings, locale });
    told.push({ field, before: value(change.before), after: value(change.after) });
  }
  return told;
}

/** A status or type of the organisation's own tells more than its category, and stands for it where both changed. */
function keyed(name: string, changes: object): string {
  switch (name) {
    case "status":
      return "status_key" in changes ? "" : "status";
    case "type":
      return "type_key" in changes ? "" : "type";
    case "status_key":
      return "status";
    case "type_key":
      return "type";
    default:
      return name;
  }
}

interface Context {
  entry: TimelineEntry;
  settings: Settings;
  locale: string;
}

function shown(t: T, name: string, raw: unknown, { entry, settings, locale }: Context): string | null {
  if (raw === null || raw === undefined || raw === "" || (Array.isArray(raw) && raw.length === 0)) {
    return null;
  }
  const text = String(raw);
  switch (name) {
    case "status":
    case "status_key": {
      const own = settings.lifecycle?.statuses.find((status) => status.key === raw);
      return own ? statusName(asDesk(t), own, own.category, locale) : t(`desk:status.${text as Status}`);
    }
    case "type":
    case "type_key": {
      const own = settings.lifecycle?.types?.find((type) => type.key === raw);
      return own ? typeName(asDesk(t), own, own.category, locale) : t(`panel:type.${text as TicketType}`);
    }
    case "priority":
      return t(`panel:priority.${text as "low"}`);
    case "urgency":
    case "impact":
      return t(`panel:level.${text as "low"}`);
    case "assignee_id":
    case "requester_id":
    case "follower":
      return entry.names[text] ?? "…";
    case "language":
      return languageName(text, locale);
    case "snoozed_until":
      return formatExact(text, locale);
    default:
      return raw !== null && typeof raw === "object" ? ofObject(t, raw, locale) : text;
  }
}

/** What a remark of the history tells: tickets by their numbers, moments in the reader's zone. */
function ofObject(t: T, raw: object, locale: string): string {
  if (Array.isArray(raw)) {
    return raw.map((each) => (typeof each === "object" && each !== null ? ofObject(t, each, locale) : each)).join(", ");
  }
  const { number, relation, name, release_at, amount, currency } = raw as {
    number?: number;
    relation?: Relation;
    name?: string;
    release_at?: string;
    amount?: string;
    currency?: string;
  };
  if (number !== undefined) {
    return relation ? `${t(`links:relation.${relation}`)} #${number}` : `#${number}`;
  }
  if (amount !== undefined) {
    return `${amount} ${currency}`;
  }
  return release_at ? formatExact(release_at, locale) : (name ?? JSON.stringify(raw));
}

/** The same words, for those who ask for the common ones first. */
function asDesk(t: T): TFunction<["desk", "panel"]> {
  return ((key: string, options?: object) =>
    t((key.includes(":") ? key : `desk:${key}`) as never, options as never)) as never;
}
