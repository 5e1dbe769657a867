import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createInstance } from "i18next";
import { act, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { I18nextProvider } from "react-i18next";
import admin from "@/locales/en/admin.json";
import desk from "@/locales/en/desk.json";
import page from "@/locales/en/page.json";
import panel from "@/locales/en/panel.json";
import reports from "@/locales/en/reports.json";

// React Aria asks for CSS.escape, which jsdom lacks.
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true, CSS: { escape: (text: string) => text } });
const i18n = createInstance({ lng: "en", defaultNS: "desk", resources: { en: { admin, desk, page, panel, reports } } });
await i18n.init();

/** A part of the administration in a document of its own; what comes back shows it anew, with what it is given then. */
export function mount(part: ReactNode, client = new QueryClient()): (next: ReactNode) => void {
  document.body.replaceChildren();
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  const show = (shown: ReactNode) =>
    act(() =>
      root.render(
        <I18nextProvider i18n={i18n}>
          <QueryClientProvider client={client}>{shown}</QueryClientProvider>
        </I18nextProvider>,
      ),
    );
  show(part);
  return show;
}

/** What bears that name, by its words or its label; in the sheet that is open, if one is. */
export function named<T extends HTMLElement>(kind: string, name: string): T {
  const room = document.querySelector("[role=dialog]") ?? document;
  const all = [...room.querySelectorAll<T>(kind)];
  const nameOf = (it: T) =>
    it.getAttribute("aria-label") ?? it.closest("label")?.firstChild?.textContent ?? it.textContent;
  const found = all.find((it) => nameOf(it)?.trim() === name);
  if (found === undefined) {
    throw new Error(`no ${kind} ${name}`);
  }
  return found;
}

export async function press(name: string): Promise<void> {
  await act(async () => named("button", name).click());
}

export async function write(name: string, text: string): Promise<void> {
  const input = named<HTMLInputElement>("input", name);
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(input, text);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
