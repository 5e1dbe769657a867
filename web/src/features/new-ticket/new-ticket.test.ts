// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import type { FieldsDocument, Lifecycle, TicketTemplate } from "@/lib/api/types.ts";
import {
  attemptAt,
  bodyOf,
  loadNewTicket,
  type NewTicket,
  NOTHING,
  requesterOf,
  saveNewTicket,
  shownOf,
  typeOf,
  withAsked,
  withTemplate,
} from "./new-ticket.ts";

const lifecycle = {
  types: [
    { key: "question", category: "question", labels: {}, active: true },
    { key: "refund", category: "billing", labels: {}, active: false },
    { key: "invoice", category: "billing", labels: {}, active: true },
    { key: "incident", category: "incident", labels: {}, active: true },
  ],
  priorities: { high: { high: "urgent" } },
} as unknown as Lifecycle;
const { types } = lifecycle;

function template(id: string, content: Partial<TicketTemplate["content"]>): TicketTemplate {
  return { id, name: id, content: { tags: [], fields: {}, ...content } } as TicketTemplate;
}

const returned = template("return", {
  subject: "Return",
  text: "Why:",
  type: "billing",
  priority: "high",
  group: "returns",
  tags: ["return"],
  fields: { cost: 5, colour: "red" },
});
const broken = template("broken", { subject: "Broken", tags: ["broken"], fields: { cost: 7 } });

function own(fields: object[], forms: object[] = []): FieldsDocument {
  return { fields, forms } as unknown as FieldsDocument;
}

describe("a template", () => {
  it("fills in all that it has, the type by its category", () => {
    expect(withTemplate(NOTHING, returned, null, types)).toEqual({
      ...NOTHING,
      template: "return",
      subject: "Return",
      text: "Why:",
      type: "invoice",
      priority: "high",
      group: "returns",
      tags: ["return"],
      fields: { cost: 5, colour: "red" },
    });
    expect(withTemplate(NOTHING, template("t", { type_key: "refund" }), null, types).type).toBe("refund");
  });

  it("gives way to another, and to none, but for what somebody wrote", () => {
    const filled = withTemplate(NOTHING, returned, null, types);
    const written: NewTicket = { ...filled, text: "Why: it is cracked", fields: { ...filled.fields, cost: 6 } };
    const other = withTemplate(written, broken, returned, types);
    expect(other).toMatchObject({ subject: "Broken", text: "Why: it is cracked", tags: ["broken"], group: null });
    expect(other.fields).toEqual({ cost: 6, colour: null });
    expect(withTemplate(other, null, broken, types)).toMatchObject({
      subject: "",
      text: "Why: it is cracked",
      tags: [],
    });
    expect(withTemplate({ ...NOTHING, subject: "Mine" }, returned, null, types).subject).toBe("Mine");
  });
});

describe("the requester", () => {
  const named = (requester: string) => requesterOf({ ...NOTHING, requester, name: " Ana " });

  it("is an address, or a number with its country, however it is written", () => {
    expect(named(" ana@example.org ")).toEqual({ email: "ana@example.org", name: "Ana" });
    expect(named("+49 (30) 123-456")).toEqual({ phone: "+4930123456", name: "Ana" });
    expect(named("0049 30 123456")).toEqual({ phone: "+4930123456", name: "Ana" });
  });

  it("is whoever was chosen, whatever the field calls them", () => {
    const chosen = { ...NOTHING, requester: "Ana · ana@example.org", customer: "c1", name: "Bea" };
    expect(requesterOf(chosen)).toEqual({ customer_id: "c1", name: "" });
  });

  it.each(["", "Ana", "ana@", "030 123456", "a@b, c@d"])("is nobody by %j", (written) => {
    expect(named(written)).toBeNull();
  });
});

describe("what is sent", () => {
  const ana = { email: "ana@example.org", name: "" };

  it("has the type that tickets get which name none, and nothing of fields that are not shown", () => {
    const fields = own([
      { key: "cost", kind: "number" },
      { key: "serial", kind: "text", visible_if: { field: "fields.cost", gt: 5 } },
      { key: "gone", kind: "text", active: false },
    ]);
    const ticket = { ...NOTHING, text: "Hello", fields: { cost: 5, serial: "SN", gone: "x", other: null } };
    const body = bodyOf(ticket, ana, fields, lifecycle);
    expect(body.type_key).toBe("question");
    expect(body).not.toHaveProperty("type");
    expect(body.fields).toEqual({ cost: 5 });
    expect(bodyOf({ ...ticket, fields: { cost: 6, serial: "SN" } }, ana, fields, lifecycle).fields).toEqual({
      cost: 6,
      serial: "SN",
    });
  });

  it("rests on the form of the type, and on the priority that the service will find", () => {
    const urgent = { field: "priority", is: ["urgent"] };
    const fields = own(
      [
        { key: "bill", kind: "text" },
        { key: "why", kind: "text", visible_if: urgent },
      ],
      [
        { fields: ["bill"], types: ["billing"] },
        { fields: ["why"], types: [] },
      ],
    );
    const visible = (ticket: Partial<NewTicket>) =>
      [...shownOf({ ...NOTHING, ...ticket }, fields, lifecycle)]
        .filter(([, { visible: is }]) => is)
        .map(([key]) => key);
    expect(visible({})).toEqual([]);
    expect(visible({ type: "invoice" })).toEqual(["bill"]);
    expect(visible({ urgency: "high", impact: "high" })).toEqual(["why"]);
    expect(visible({ urgency: "high", impact: "high", priority: "low" })).toEqual([]);
    expect(typeOf({ ...NOTHING, type: "invoice" }, types)).toBe("invoice");
  });

  it("is a call where the service takes it for one: whoever was chosen may have no e-mail address", () => {
    const fields = own([{ key: "line", kind: "text", visible_if: { field: "channel", is: ["phone"] } }]);
    const isShown = (ticket: Partial<NewTicket>) =>
      shownOf({ ...NOTHING, ...ticket }, fields, lifecycle).get("line")?.visible;
    expect(isShown({ requester: "+49 30 123456" })).toBe(true);
    expect(isShown({ requester: "Ana · +4930123456", customer: "c1", byPhone: true })).toBe(true);
    expect(isShown({ requester: "Ana · ana@example.org", customer: "c1" })).toBe(false);
  });

  it("has what the service asked for although it was not shown", () => {
    const hidden = { visible_if: { field: "channel", is: ["phone"] } };
    const fields = own([
      { key: "line", kind: "text", ...hidden },
      { key: "other", kind: "text", ...hidden },
      { key: "cost", kind: "number" },
    ]);
    const asked = withAsked(NOTHING, ["line", "cost"], fields, lifecycle);
    expect(asked.asked).toEqual(["line"]);
    const ticket = { ...asked, fields: { line: "7", other: "8" } };
    expect(bodyOf(ticket, ana, fields, lifecycle).fields).toEqual({ line: "7" });
  });

  it("is one attempt for as long as it is the same", () => {
    const body = (text: string) => bodyOf({ ...NOTHING, text }, ana, own([]), lifecycle);
    const attempt = attemptAt(NOTHING, body("Hello"));
    expect(attemptAt({ ...NOTHING, attempt }, body("Hello"))).toBe(attempt);
    expect(attemptAt({ ...NOTHING, attempt }, body("Good day")).key).not.toBe(attempt.key);
  });
});

describe("what was begun", () => {
  beforeEach(() => localStorage.clear());

  it("is there again for whoever began it, until nothing is left of it", () => {
    saveNewTicket("asha", { ...NOTHING, text: "Hello" });
    expect(loadNewTicket("asha").text).toBe("Hello");
    expect(loadNewTicket("ben")).toEqual(NOTHING);
    saveNewTicket("asha", NOTHING);
    expect(localStorage.length).toBe(0);
  });

  it("is nothing once all is emptied by hand, whatever was tried", () => {
    saveNewTicket("asha", { ...NOTHING, attempt: { content: "Hello", key: "k1" } });
    expect(localStorage.length).toBe(0);
  });

  it("is read as it was kept before tickets had attempts", () => {
    const { attempt, asked, byPhone, ...before } = { ...NOTHING, text: "Hello" };
    localStorage.setItem("desk.newTicket.asha", JSON.stringify(before));
    expect(loadNewTicket("asha")).toEqual({ ...before, attempt, asked, byPhone });
  });

  it.each(["{", "null", "[]", '{"text": 1}'])("is nothing where %j is kept", (kept) => {
    localStorage.setItem("desk.newTicket.asha", kept);
    expect(loadNewTicket("asha")).toEqual(NOTHING);
  });
});
