// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ticket } from "@/features/inbox/tickets-of-tests.ts";
import { tickets } from "@/lib/api/client.ts";
import type { Ticket } from "@/lib/api/types.ts";
import { OfferedRequester } from "./offered-requester.tsx";
import { ticketKeys } from "./queries.ts";

vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));

const offered = {
  ...ticket(1),
  version: 3,
  forwarded_from: { kind: "email", address: "ana@example.org", name: "Ana" },
} as unknown as Ticket;
const given = { ...offered, version: 4, forwarded_from: null };

let place: HTMLElement;
let client: QueryClient;

async function shown(of: Ticket): Promise<HTMLButtonElement[]> {
  const root = createRoot(place);
  await act(async () =>
    root.render(
      <QueryClientProvider client={client}>
        <OfferedRequester ticket={of} />
      </QueryClientProvider>,
    ),
  );
  return [...place.querySelectorAll("button")];
}

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  place = document.body.appendChild(document.createElement("div"));
  client = new QueryClient();
});
afterEach(() => vi.unstubAllGlobals());

it("makes who wrote what was forwarded the requester, by their address, or keeps who forwarded it", async () => {
  const post = vi.spyOn(tickets, "POST").mockResolvedValue({ data: given, response: new Response() } as never);
  const [make, keep] = await shown(offered);
  expect(place.textContent).toContain("Ana <ana@example.org>");
  await act(async () => make?.click());
  const params = { path: { ticket_id: "t1" }, header: { "if-match": '"3"' } };
  const path = "/api/tickets/{ticket_id}/requester";
  expect(post).toHaveBeenLastCalledWith(path, { params, body: { email: "ana@example.org", name: "Ana" } });
  expect(client.getQueryData<Ticket>(ticketKeys.one("t1"))?.forwarded_from).toBeNull();
  await act(async () => keep?.click());
  expect(post).toHaveBeenLastCalledWith(path, { params, body: { customer_id: "c", name: "" } });
});

it("says why it was refused", async () => {
  vi.spyOn(tickets, "POST").mockResolvedValue({
    error: { type: "/problems/version" },
    response: new Response(null, { status: 412 }),
  } as never);
  const [make] = await shown(offered);
  await act(async () => make?.click());
  expect(place.querySelector("[role=alert]")?.textContent).toBe("ticket.changedMeanwhile");
});

it("offers nobody where nothing was forwarded, and nothing in a closed ticket", async () => {
  expect(await shown(given)).toEqual([]);
  expect(await shown({ ...offered, status: "closed" })).toEqual([]);
});
