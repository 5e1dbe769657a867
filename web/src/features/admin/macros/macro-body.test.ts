import { describe, expect, it } from "vitest";
import type { Macro } from "@/lib/api/types.ts";
import { hoursOf, macroFrom } from "./macro-body.ts";

function form(fields: Record<string, string>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  return data;
}

const OLD = {
  position: 7,
  actions: { urgency: "high", fields: { device: "printer" }, add_tags: ["old"], snooze_minutes: 90 },
  texts: { en: { html: "<p>Hello</p>" }, fr: { text: "Bonjour" } },
} as unknown as Macro;

describe("a macro from its form", () => {
  it("does what is chosen and nothing else", () => {
    const body = macroFrom(
      form({ name: " Late ", status: "pending", add_tags: "late, late", visibility: "everyone" }),
      null,
    );
    expect(body.name).toBe("Late");
    expect(body.actions).toMatchObject({ status: null, status_key: "pending", add_tags: ["late"], priority: null });
    expect(body.texts).toEqual({});
    expect(body.default_language).toBeNull();
  });

  it("keeps what it does not show: own fields, places, texts in other languages, and that a text is formatted", () => {
    const body = macroFrom(form({ name: "Late", visibility: "everyone", "text.en": "<p>Hi</p>", snooze: "1.5" }), OLD);
    expect(body.position).toBe(7);
    expect(body.actions).toMatchObject({ urgency: "high", fields: { device: "printer" }, add_tags: [] });
    expect(body.texts).toEqual({ fr: { text: "Bonjour" }, en: { html: "<p>Hi</p>" } });
    expect(body.actions?.snooze_minutes).toBe(90);
    expect(hoursOf(OLD)).toBe(1.5);
  });

  it("names groups where they count alone", () => {
    const fields = { name: "Late", groups: "billing", "text.de": "Hallo" };
    expect(macroFrom(form({ ...fields, visibility: "groups" }), null).groups).toEqual(["billing"]);
    expect(macroFrom(form({ ...fields, visibility: "personal" }), null).groups).toEqual([]);
    expect(macroFrom(form({ ...fields, visibility: "personal" }), null).default_language).toBe("de");
  });
});
