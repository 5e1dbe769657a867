// @vitest-environment jsdom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";
import { lastLooked } from "./thread-marks.ts";
import { useLooked } from "./use-looked.ts";

function Reader({ newest }: { newest: string }) {
  useLooked("asha", "7", newest);
  return null;
}

it("takes what came behind another tab for seen once the tab is shown again", async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(false);
  const root = createRoot(document.createElement("div"));
  await act(async () => root.render(<Reader newest="2026-11-23T09:00:00Z" />));
  const shown = lastLooked("asha", "7");
  expect(shown).not.toBeNull();
  hidden.mockReturnValue(true);
  act(() => void document.dispatchEvent(new Event("visibilitychange")));
  await act(async () => root.render(<Reader newest="2026-11-23T09:05:00Z" />));
  expect(lastLooked("asha", "7")).toEqual(shown);
  hidden.mockReturnValue(false);
  act(() => void document.dispatchEvent(new Event("visibilitychange")));
  expect(lastLooked("asha", "7")).not.toEqual(shown);
});
