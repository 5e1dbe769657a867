// @vitest-environment jsdom
import { createInstance } from "i18next";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { I18nextProvider } from "react-i18next";
import { expect, it, vi } from "vitest";
import type { Message } from "@/lib/api/types.ts";
import ticket from "@/locales/en/ticket.json";
import { Arrival } from "./thread.tsx";

const i18n = createInstance({ lng: "en", defaultNS: "ticket", resources: { en: { ticket } } });
await i18n.init();

it("tells of each message that others write, also if it is of whom the last one was", async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  const arrived = async (...authors: string[]) => {
    const messages = authors.map((id, at) => ({ id: `m${at}`, kind: "customer", author: { id, name: "Tom" } }));
    await act(async () =>
      root.render(
        <I18nextProvider i18n={i18n}>
          <Arrival messages={messages as unknown as Message[]} accountId="asha" />
        </I18nextProvider>,
      ),
    );
    return place.querySelector("[role=status] > *");
  };
  expect(await arrived("tom")).toBeNull();
  const first = await arrived("tom", "tom");
  expect(first?.textContent).toBe("Customer, Tom");
  const second = await arrived("tom", "tom", "tom");
  expect(second?.textContent).toBe("Customer, Tom");
  expect(second).not.toBe(first);
  expect((await arrived("tom", "tom", "tom", "tom", "tom"))?.textContent).toBe("2 new messages: Customer, Tom");
  expect(await arrived("tom", "tom", "tom", "tom", "tom", "asha")).toBeNull();
});
