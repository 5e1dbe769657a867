// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createInstance } from "i18next";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { I18nextProvider } from "react-i18next";
import { beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "@/lib/api/problem.ts";
import type { Session, TicketRow } from "@/lib/api/types.ts";
import desk from "@/locales/en/desk.json";
import ticket from "@/locales/en/ticket.json";
import { ComposerProblem } from "./composer-problem.tsx";
import { ticketKeys } from "./queries.ts";
import { type Composing, useComposer } from "./use-composer.ts";

const { post } = vi.hoisted(() => ({ post: vi.fn() }));
vi.mock("@/lib/api/client.ts", () => ({
  answer: (sent: unknown) => sent,
  tickets: { POST: post, GET: async () => ({ draft: null }), PUT: async () => ({ draft: { version: 1 } }) },
  routing: { GET: async () => ({ items: [] }) },
}));
vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

const i18n = createInstance({ lng: "en", defaultNS: "desk", resources: { en: { desk, ticket } } });
await i18n.init();

let composing: Composing;
let place: HTMLElement;

function Page({ id }: { id: string }) {
  composing = useComposer({ id, number: 4 } as TicketRow, { account_id: "asha" } as Session);
  const { error, isKept, refusedKind, writing } = composing;
  return <ComposerProblem {...{ error, isKept, refusedKind }} onShow={(kind) => writing.setKind(kind)} />;
}

async function open(id: string) {
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  queryClient.setQueryData(ticketKeys.messages(id), { items: [], thread_version: 1 });
  place = document.body.appendChild(document.createElement("div"));
  const root = createRoot(place);
  await act(async () =>
    root.render(
      <I18nextProvider i18n={i18n}>
        <QueryClientProvider client={queryClient}>
          <Page id={id} />
        </QueryClientProvider>
      </I18nextProvider>,
    ),
  );
  return () => act(async () => root.unmount());
}

/** Sends a reply, and has it refused once a note is being written. */
async function refuse(problem: ApiError) {
  let fail: (error: Error) => void = () => undefined;
  post.mockImplementationOnce(() => new Promise((_, reject) => (fail = reject)));
  await act(async () => composing.writing.writeReply("Dear Tom", null, 1));
  await act(async () => composing.submit());
  await act(async () => composing.writing.setKind("note"));
  await act(async () => fail(problem));
}

const goBack = () => act(async () => place.querySelector("button")?.click());

beforeEach(() => post.mockReset());

it("a reply refused while a note is shown is told there, and why where it is written", async () => {
  await open("t1");
  await refuse(new ApiError(500, { title: "Broken" }));
  expect([composing.draft.kind, composing.error]).toEqual(["note", null]);
  expect(place.textContent).toContain("Your reply was not sent.");
  await goBack();
  expect(composing.draft.kind).toBe("reply");
  expect(place.textContent).toContain("It was not sent; your draft is kept. Broken");
  expect(place.textContent).not.toContain("Your reply was not sent.");
});

it("what came meanwhile is shown with the reply, also if the ticket was left with a note open", async () => {
  const leave = await open("t2");
  await refuse(new ApiError(409, { type: "/problems/stale-thread", thread_version: 2 } as never));
  expect(composing.conflict).toBeNull();
  await leave();
  await open("t2");
  expect(place.textContent).toContain("Your reply was not sent.");
  await goBack();
  expect(composing.conflict).toMatchObject({ version: 2 });
});

it("a note that is sent takes nothing of a refused reply away", async () => {
  await open("t3");
  await refuse(new ApiError(500, {}));
  post.mockResolvedValueOnce({ message: { id: "m" }, ticket: { id: "t3", thread_version: 1 } });
  await act(async () => composing.writing.writeNote("he waits"));
  await act(async () => composing.submit());
  expect(post).toHaveBeenCalledTimes(2);
  expect(place.textContent).toContain("Your reply was not sent.");
});
