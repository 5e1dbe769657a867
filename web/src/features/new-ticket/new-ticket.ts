import type { FieldValue } from "@/features/fields/field-input.tsx";
import { type Form, type OwnField, type Shown, shownFields } from "@/features/fields/shown.ts";
import type {
  FieldsDocument,
  Level,
  Lifecycle,
  NewRequester,
  NewTicketBody,
  Priority,
  TicketTemplate,
} from "@/lib/api/types.ts";
import { storage } from "@/lib/storage.ts";

/** A ticket that somebody is about to open, as far as they have written it. */
export interface NewTicket {
  template: string | null;
  /** What stands in the field, and who was chosen of those whom it found. */
  requester: string;
  customer: string | null;
  /** Whether whoever was chosen has no e-mail address: theirs is a call, to the server. */
  byPhone: boolean;
  /** What somebody is called who is new here. */
  name: string;
  subject: string;
  text: string;
  /** By its key; null for the one that tickets get that name none. */
  type: string | null;
  priority: Priority | null;
  urgency: Level | null;
  impact: Level | null;
  group: string | null;
  assignee: string | null;
  tags: string[];
  fields: Record<string, FieldValue>;
  /** Own fields that the server asked for and that would not be shown: it may know more of the requester. */
  asked: string[];
  /** The last attempt at opening it that is not known to have succeeded: repeated, it carries the same key. */
  attempt: Attempt | null;
}

export interface Attempt {
  content: string;
  key: string;
}

export const NOTHING: NewTicket = {
  template: null,
  requester: "",
  customer: null,
  byPhone: false,
  name: "",
  subject: "",
  text: "",
  type: null,
  priority: null,
  urgency: null,
  impact: null,
  group: null,
  assignee: null,
  tags: [],
  fields: {},
  asked: [],
  attempt: null,
};

type Types = Lifecycle["types"];
const FILLED = ["subject", "text", "type", "priority", "urgency", "impact", "group", "tags"] as const;
type Content = Pick<NewTicket, (typeof FILLED)[number] | "fields">;

/** The ticket with another template, in whose place `before` was: what somebody wrote themselves stays. */
export function withTemplate(
  ticket: NewTicket,
  template: TicketTemplate | null,
  before: TicketTemplate | null,
  types: Types,
): NewTicket {
  const [has, had] = [contentOf(template, types), contentOf(before, types)];
  const filled = FILLED.filter((name) => isFree(ticket[name], had[name])).map((name) => [name, has[name]]);
  const fields = { ...ticket.fields };
  for (const key of Object.keys({ ...had.fields, ...has.fields })) {
    if (isFree(fields[key], had.fields[key])) {
      fields[key] = has.fields[key] ?? null;
    }
  }
  return { ...ticket, ...Object.fromEntries(filled), fields, template: template?.id ?? null };
}

function contentOf(template: TicketTemplate | null, types: Types): Content {
  const { type, type_key, ...content } = template?.content ?? { tags: [], fields: {} };
  return {
    subject: content.subject ?? "",
    text: content.text ?? "",
    type: type_key ?? (type ? firstOf(type, types) : null),
    priority: content.priority ?? null,
    urgency: content.urgency ?? null,
    impact: content.impact ?? null,
    group: content.group ?? null,
    tags: content.tags,
    fields: content.fields as Record<string, FieldValue>,
  };
}

/** Whether nobody wrote this: it is empty, or as the template had it. */
function isFree(value: unknown, had: unknown): boolean {
  const isEmpty = value == null || value === "" || (Array.isArray(value) && value.length === 0);
  return isEmpty || JSON.stringify(value) === JSON.stringify(had);
}

function firstOf(category: string, types: Types): string | null {
  return types.find((type) => type.category === category && type.active !== false)?.key ?? null;
}

/** The key of the type that the ticket will have. */
export function typeOf({ type }: NewTicket, types: Types): string {
  return type ?? firstOf("question", types) ?? "question";
}

const EMAIL = /^[^@\s<>()[\],;:\\"]+@[^@\s<>()[\],;:\\"]+$/;
const PHONE = /^\+[1-9]\d{1,14}$/;

/** Whom the ticket is for; null where what is written is neither an address nor a number with its country. */
export function requesterOf({ requester, customer, name }: NewTicket): NewRequester | null {
  if (customer !== null) {
    return { customer_id: customer, name: "" };
  }
  const written = requester.trim();
  if (EMAIL.test(written)) {
    return { email: written, name: name.trim() };
  }
  const phone = written.replace(/[\s()./-]/g, "").replace(/^00/, "+");
  return PHONE.test(phone) ? { phone, name: name.trim() } : null;
}

/** How each of the organisation's own fields is shown, as the service will see the ticket. */
export function shownOf(ticket: NewTicket, own: FieldsDocument, lifecycle: Lifecycle): Map<string, Shown> {
  const type_key = typeOf(ticket, lifecycle.types);
  const type = lifecycle.types.find(({ key }) => key === type_key)?.category ?? "question";
  const { urgency, impact, group, tags } = ticket;
  const derived = urgency && impact ? lifecycle.priorities[urgency]?.[impact] : undefined;
  const priority = ticket.priority ?? derived ?? (type === "incident" ? "high" : "normal");
  const isCall = ticket.customer === null ? requesterOf(ticket)?.phone : ticket.byPhone;
  const channel = isCall ? "phone" : "email";
  const known = { type, type_key, priority, urgency, impact, group, tags, channel, status: "new", brand: "default" };
  const forms = own.forms as readonly Form[];
  const shown = shownFields(own.fields as readonly OwnField[], forms, known, ticket.fields, new Date());
  for (const key of ticket.asked) {
    shown.set(key, { visible: true, required: true });
  }
  return shown;
}

/** The ticket with those of the fields that the server asks for which are not shown, so that they can be filled in. */
export function withAsked(
  ticket: NewTicket,
  required: readonly string[],
  own: FieldsDocument,
  lifecycle: Lifecycle,
): NewTicket {
  const shown = shownOf(ticket, own, lifecycle);
  const hidden = required.filter((key) => !shown.get(key)?.visible);
  return hidden.length > 0 ? { ...ticket, asked: [...ticket.asked, ...hidden] } : ticket;
}

/** What is sent: all that is seen, and of own fields those that are shown. Nothing comes from a template unseen. */
export function bodyOf(
  ticket: NewTicket,
  requester: NewRequester,
  own: FieldsDocument,
  lifecycle: Lifecycle,
): NewTicketBody {
  const shown = shownOf(ticket, own, lifecycle);
  const { text, priority, urgency, impact, group, tags } = ticket;
  const body: Omit<NewTicketBody, "type"> = {
    requester,
    subject: ticket.subject.trim(),
    text,
    priority,
    urgency,
    impact,
    group,
    tags,
    // Instead of `type`, which the schema asks for because it has a default.
    type_key: typeOf(ticket, lifecycle.types),
    fields: Object.fromEntries(
      Object.entries(ticket.fields).filter(([key, value]) => value !== null && shown.get(key)?.visible),
    ),
  };
  return body as NewTicketBody;
}

/** The attempt at opening the ticket by sending this; the same for the same body, after a reload, too. */
export function attemptAt({ attempt }: NewTicket, body: NewTicketBody): Attempt {
  const content = JSON.stringify(body);
  return attempt?.content === content ? attempt : { content, key: crypto.randomUUID() };
}

/** The key that it is kept by. */
export function newTicketPlace(accountId: string): string {
  return `desk.newTicket.${accountId}`;
}

/** What this person had begun to write in this browser. Anything unreadable counts as nothing. */
export function loadNewTicket(accountId: string): NewTicket {
  try {
    const kept: unknown = JSON.parse(storage.get(newTicketPlace(accountId)) ?? "null");
    return isNewTicket(kept) ? { ...NOTHING, ...kept } : NOTHING;
  } catch {
    return NOTHING;
  }
}

export function saveNewTicket(accountId: string, ticket: NewTicket): void {
  if (isUnwritten(ticket)) {
    storage.remove(newTicketPlace(accountId));
  } else {
    storage.set(newTicketPlace(accountId), JSON.stringify(ticket));
  }
}

/** Forgets what was opened, unless another window has gone on writing meanwhile. */
export function forgetOpened(accountId: string, opened: NewTicket): void {
  if (storage.get(newTicketPlace(accountId)) === JSON.stringify(opened)) {
    saveNewTicket(accountId, NOTHING);
  }
}

export function isUnwritten(ticket: NewTicket): boolean {
  // Of what is emptied by hand no attempt is left to be repeated.
  return JSON.stringify({ ...ticket, attempt: null }) === JSON.stringify(NOTHING);
}

function isNewTicket(value: unknown): value is Partial<NewTicket> {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const { requester, subject, text, name, tags, fields, asked = [], attempt = null } = value as Partial<NewTicket>;
  const texts = [requester, subject, text, name];
  return (
    texts.every((each) => typeof each === "string") &&
    [tags, asked].every((each) => Array.isArray(each)) &&
    typeof fields === "object" &&
    typeof attempt === "object"
  );
}
