// @vitest-environment jsdom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";
import { CommandRegistry } from "@/features/commands/registry.ts";
import { Select } from "./select.tsx";

it("leaves characters on the closed control to the page's commands, and chooses nothing by them", async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const place = document.body.appendChild(document.createElement("div"));
  const chosen = vi.fn();
  const choices = ["open", "pending", "solved"].map((id) => ({ id, label: id }));
  await act(async () =>
    createRoot(place).render(<Select label="Status" value="open" choices={choices} onChange={chosen} />),
  );
  const registry = new CommandRegistry();
  const run = vi.fn();
  registry.add({ id: "ticket:status", group: "ticket", key: "s", run });
  document.addEventListener("keydown", (event) => registry.handle(event));

  const control = place.querySelector<HTMLButtonElement>("button[aria-haspopup]");
  control?.focus();
  for (const key of ["s", "p"]) {
    await act(async () =>
      control?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })),
    );
  }
  expect(run).toHaveBeenCalledOnce();
  expect(chosen).not.toHaveBeenCalled();
});
