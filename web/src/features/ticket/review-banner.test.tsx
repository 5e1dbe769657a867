// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { listQuery } from "@/features/inbox/list-query.ts";
import type { Source } from "@/features/inbox/source.ts";
import { ticket } from "@/features/inbox/tickets-of-tests.ts";
import { tickets } from "@/lib/api/client.ts";
import type { Ticket } from "@/lib/api/types.ts";
import { ticketKeys } from "./queries.ts";
import { ReviewBanner } from "./review-banner.tsx";

const navigate = vi.hoisted(() => vi.fn());
vi.mock("@tanstack/react-router", () => ({ useNavigate: () => navigate, Link: () => null }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));

const REVIEW = { ticket_id: "t9", reason: "sender_takes_no_part" } as const;
const held = { ...ticket(1, { review: REVIEW }) } as unknown as Ticket;
const list = (view: "review" | "open"): Source => ({ kind: "standard", view, sort: "created_at" });
let client: QueryClient;
let buttons: HTMLButtonElement[];

const isStale = (view: "review" | "open") => client.getQueryState(listQuery(list(view)).queryKey)?.isInvalidated;
const answerWith = (answered: object) => vi.spyOn(tickets, "POST").mockResolvedValue(answered as never);

beforeEach(async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  client = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  client.setQueryData(ticketKeys.one("t9"), ticket(9));
  for (const view of ["review", "open"] as const) {
    client.setQueryData(listQuery(list(view)).queryKey, {} as never);
  }
  const place = document.body.appendChild(document.createElement("div"));
  await act(async () =>
    createRoot(place).render(
      <QueryClientProvider client={client}>
        <ReviewBanner ticket={held} review={REVIEW} />
      </QueryClientProvider>,
    ),
  );
  buttons = [...place.querySelectorAll("button")];
});
afterEach(() => vi.unstubAllGlobals());

it.each([
  ["joined", 0, { ...ticket(9), version: 2 }],
  ["kept separate", 1, { ...held, version: 2, review: null }],
])("asks anew for what is to be reviewed, and for no other list, once it was %s", async (_, button, shown) => {
  answerWith({ data: shown, response: new Response() });
  await act(async () => buttons[button]?.click());
  expect([isStale("review"), isStale("open")]).toEqual([true, false]);
});

it("asks for nothing where nothing was decided", async () => {
  answerWith({ error: { type: "/problems/ticket-closed" }, response: new Response(null, { status: 409 }) });
  await act(async () => buttons[0]?.click());
  expect(isStale("review")).toBe(false);
});
