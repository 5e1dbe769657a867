// @vitest-environment jsdom
import { afterEach, describe, expect, it, vi } from "vitest";
import { CommandRegistry } from "./registry.ts";

function press(registry: CommandRegistry, key: string, on: Element = document.body, init: KeyboardEventInit = {}) {
  let ran = false;
  const listen = (event: KeyboardEvent) => {
    ran = registry.handle(event);
  };
  document.addEventListener("keydown", listen, { once: true });
  on.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init }));
  return ran;
}

function element(html: string): Element {
  document.body.innerHTML = html;
  const found = document.body.querySelector("[data-target]");
  if (found === null) throw new Error("nothing to press on");
  return found;
}

afterEach(() => localStorage.clear());

describe("the command registry", () => {
  it("runs the command of a key, and tells the help the same list", () => {
    const registry = new CommandRegistry();
    const run = vi.fn();
    const remove = registry.add({ id: "next", group: "list", key: "j", run });
    expect(press(registry, "j")).toBe(true);
    expect(run).toHaveBeenCalledOnce();
    expect(registry.list().map((command) => command.id)).toEqual(["next"]);
    remove();
    expect(press(registry, "j")).toBe(false);
    expect(registry.list()).toEqual([]);
  });

  it.each(["<input data-target>", "<textarea data-target></textarea>", "<p contenteditable data-target></p>"])(
    "leaves letters to %s",
    (html) => {
      const registry = new CommandRegistry();
      registry.add({ id: "reply", group: "list", key: "r", run: () => undefined });
      expect(press(registry, "r", element(html))).toBe(false);
    },
  );

  it("leaves keys to what lies above the page, and Enter to buttons and links", () => {
    const registry = new CommandRegistry();
    registry.add({ id: "next", group: "list", key: "j", run: () => undefined });
    registry.add({ id: "open", group: "list", key: "Enter", run: () => undefined });
    expect(press(registry, "j", element("<div role=dialog><b data-target></b></div>"))).toBe(false);
    expect(press(registry, "Enter", element("<button data-target></button>"))).toBe(false);
    expect(press(registry, "j", element("<button data-target></button>"))).toBe(true);
  });

  it("tells of a key that a field hears by itself, and never runs it", () => {
    const registry = new CommandRegistry();
    const run = vi.fn();
    registry.add({ id: "send", group: "ticket", key: "Control+Enter", run });
    expect(press(registry, "Enter", document.body, { ctrlKey: true })).toBe(false);
    expect(press(registry, "Enter", element("<input data-target>"), { metaKey: true })).toBe(false);
    expect(run).not.toHaveBeenCalled();
    expect(registry.list().map((command) => command.key)).toEqual(["Control+Enter"]);
  });

  it("leaves a field by Escape before it closes what the field is in", () => {
    const registry = new CommandRegistry();
    registry.add({ id: "close", group: "list", key: "Escape", run: () => undefined });
    const field = element("<input data-target>") as HTMLInputElement;
    field.focus();
    expect(press(registry, "Escape", field)).toBe(false);
    expect(document.activeElement).toBe(document.body);
    expect(press(registry, "Escape")).toBe(true);
  });

  it("leaves combinations to the browser", () => {
    const registry = new CommandRegistry();
    registry.add({ id: "reply", group: "list", key: "r", run: () => undefined });
    expect(press(registry, "r", document.body, { ctrlKey: true })).toBe(false);
  });

  it("switches character keys off, for good, and keeps Escape", () => {
    const registry = new CommandRegistry();
    registry.setSingleKeys(false);
    const tomorrow = new CommandRegistry();
    tomorrow.add({ id: "solve", group: "list", key: "e", run: () => undefined });
    tomorrow.add({ id: "close", group: "list", key: "Escape", run: () => undefined });
    expect(press(tomorrow, "e")).toBe(false);
    expect(press(tomorrow, "Escape")).toBe(true);
  });

  it("takes a combination from fields and from above the page, with either key", () => {
    const registry = new CommandRegistry();
    const run = vi.fn();
    registry.setSingleKeys(false);
    registry.add({ id: "palette", group: "desk", key: "Control+k", run });
    expect(press(registry, "k", element("<div role=dialog><input data-target></div>"), { ctrlKey: true })).toBe(true);
    expect(press(registry, "K", element("<textarea data-target></textarea>"), { metaKey: true })).toBe(true);
    expect(press(registry, "k", document.body, { ctrlKey: true, altKey: true })).toBe(false);
    expect(press(registry, "k")).toBe(false);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it("takes two keys one after the other, and each by itself where it means something", () => {
    const registry = new CommandRegistry();
    const [team, snooze] = [vi.fn(), vi.fn()];
    registry.add({ id: "team", group: "go", key: "g t", run: team });
    registry.add({ id: "ticket:tags", group: "ticket", key: "t", run: snooze });
    expect(press(registry, "g")).toBe(false);
    expect(press(registry, "t")).toBe(true);
    expect([team.mock.calls.length, snooze.mock.calls.length]).toEqual([1, 0]);
    expect(press(registry, "t")).toBe(true);
    expect([team.mock.calls.length, snooze.mock.calls.length]).toEqual([1, 1]);
    press(registry, "g");
    expect(press(registry, "t", element("<input data-target>"))).toBe(false);
    expect(team).toHaveBeenCalledOnce();
  });
});
