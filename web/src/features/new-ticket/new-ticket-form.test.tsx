// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createInstance } from "i18next";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { I18nextProvider } from "react-i18next";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { tickets } from "@/lib/api/client.ts";
import type { Agent, FieldsDocument, Lifecycle, Session, Ticket } from "@/lib/api/types.ts";
import newTicket from "@/locales/en/newTicket.json";
import panel from "@/locales/en/panel.json";
import { loadNewTicket, type NewTicket, NOTHING, newTicketPlace, saveNewTicket } from "./new-ticket.ts";
import { NewTicketForm } from "./new-ticket-form.tsx";

const { navigate, send } = vi.hoisted(() => ({ navigate: vi.fn(), send: { run: (): void => undefined } }));
vi.mock("@tanstack/react-router", () => ({ useNavigate: () => navigate }));
vi.mock("@/features/commands/use-command.ts", () => ({
  useCommand: ({ id, run }: { id: string; run: () => void }) => {
    if (id === "desk:openTicket") send.run = run;
  },
}));

const i18n = createInstance({ lng: "en", defaultNS: "newTicket", resources: { en: { newTicket, panel } } });
await i18n.init();

const session = { account_id: "asha", name: "Asha" } as Session;
const lifecycle = { types: [], priorities: {} } as unknown as Lifecycle;
const written: NewTicket = { ...NOTHING, requester: "ana@example.org", text: "It is broken" };
const opened = { id: "t1", number: 1, version: 1 } as Ticket;
const accepted = { data: opened, response: new Response(null, { status: 201 }) } as never;
const refused = (problem: object) => ({ error: problem, response: new Response(null, { status: 422 }) }) as never;

let own: FieldsDocument;
let queryClient: QueryClient;
let root: Root;
const posting = () => vi.spyOn(tickets, "POST");
let post: ReturnType<typeof posting>;

async function shown() {
  root = createRoot(document.body.appendChild(document.createElement("div")));
  await act(async () =>
    root.render(
      <I18nextProvider i18n={i18n}>
        <QueryClientProvider client={queryClient}>
          <NewTicketForm session={session} lifecycle={lifecycle} own={own} templates={[]} onLeave={vi.fn()} />
        </QueryClientProvider>
      </I18nextProvider>,
    ),
  );
}

const settled = () => act(() => new Promise<void>((resolve) => setTimeout(resolve, 20)));
const left = () => act(async () => root.unmount());
const sent = () =>
  (post.mock.calls as unknown as [string, { params: { header: object }; body: object }][]).map(([, init]) => init);
const keys = () => sent().map(({ params }) => params.header);
const textarea = () => document.querySelector("textarea") as HTMLTextAreaElement;

async function opens() {
  await act(async () => send.run());
  await settled();
}

/** As the browser tells one window of what another one keeps. */
async function keptElsewhere(ticket: NewTicket) {
  saveNewTicket("asha", ticket);
  await act(async () => void window.dispatchEvent(new StorageEvent("storage", { key: newTicketPlace("asha") })));
}

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  post = posting();
  navigate.mockReset();
  own = { fields: [], forms: [] } as unknown as FieldsDocument;
  queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  queryClient.setQueryData<Agent[]>(["agents"], [{ id: "ben", name: "Ben", active: false, groups: [] } as never]);
  localStorage.clear();
  saveNewTicket("asha", written);
});
afterEach(async () => {
  await left();
  document.body.replaceChildren();
});

it("sends what got no answer with the same key after a reload, and another ticket with another key", async () => {
  post.mockRejectedValueOnce(new TypeError("no network")).mockResolvedValue(accepted);
  await shown();
  await opens();
  expect(navigate).not.toHaveBeenCalled();
  // All that a reload leaves is what the browser keeps.
  await left();
  await shown();
  expect(textarea().value).toBe("It is broken");
  await opens();
  expect(navigate).toHaveBeenCalledOnce();
  expect(keys()[1]).toEqual(keys()[0]);
  expect(localStorage.length).toBe(0);
  await left();
  saveNewTicket("asha", written);
  await shown();
  await opens();
  expect(keys()[2]).not.toEqual(keys()[0]);
});

it("is sent once, however often that is asked for until the ticket is on screen", async () => {
  post.mockResolvedValue(accepted);
  await shown();
  await act(async () => {
    send.run();
    send.run();
  });
  await settled();
  await opens();
  expect(post).toHaveBeenCalledOnce();
  expect(textarea().closest("[inert]")).not.toBeNull();
});

it("left and come back to while it is sent, sends nothing again and says that it was opened", async () => {
  let answer: (value: never) => void = () => undefined;
  post.mockReturnValue(new Promise<never>((resolve) => (answer = resolve)) as never);
  await shown();
  await opens();
  await left();
  await shown();
  await opens();
  expect(textarea().closest("[inert]")).not.toBeNull();
  await act(async () => answer(accepted));
  await settled();
  expect(post).toHaveBeenCalledOnce();
  expect(textarea().value).toBe("");
  expect(textarea().closest("[inert]")).toBeNull();
  expect(document.querySelector("[role=status]")?.textContent).toBe(newTicket.gone);
});

it("does not show any more what another window opened", async () => {
  await shown();
  await keptElsewhere({ ...written, text: "It is broken again" });
  expect(textarea().value).toBe("It is broken again");
  expect(document.body.textContent).not.toContain(newTicket.gone);
  await keptElsewhere(NOTHING);
  expect(textarea().value).toBe("");
  expect(document.body.textContent).toContain(newTicket.gone);
});

it("keeps what another window wrote while it was opened", async () => {
  let answer: (value: never) => void = () => undefined;
  post.mockReturnValue(new Promise<never>((resolve) => (answer = resolve)) as never);
  await shown();
  await opens();
  saveNewTicket("asha", { ...written, text: "Another call" });
  await act(async () => answer(accepted));
  await settled();
  expect(navigate).toHaveBeenCalledOnce();
  expect(loadNewTicket("asha").text).toBe("Another call");
});

it("gives the focus back where nothing in the form is wrong", async () => {
  post.mockRejectedValue(new TypeError("no network"));
  await shown();
  await act(async () => textarea().focus());
  await opens();
  expect(document.activeElement).toBe(textarea());
  // A button that was clicked need not have had it.
  await act(async () => textarea().blur());
  await act(async () => document.querySelector("form")?.requestSubmit());
  await settled();
  expect(document.activeElement).toBe(document.querySelector("[type=submit]"));
});

it("shows a field that the server asks for, and sends it", async () => {
  const onlyByPhone = { field: "channel", is: ["phone"] };
  own.fields = [{ key: "line", kind: "text", labels: { en: "Line" }, visible_if: onlyByPhone }] as never;
  const errors = [{ field: "line", code: "required", problem: "is required" }];
  post.mockResolvedValueOnce(refused({ type: "/problems/fields-invalid", errors })).mockResolvedValue(accepted);
  await shown();
  expect(document.body.textContent).not.toContain("Line");
  await opens();
  const field = document.activeElement as HTMLInputElement;
  expect(field.getAttribute("aria-label")).toContain("Line");
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(field, "7");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await opens();
  expect(sent()[1]?.body).toMatchObject({ fields: { line: "7" } });
});

it("names nobody who cannot be given tickets any more", async () => {
  saveNewTicket("asha", { ...written, assignee: "ben" });
  await shown();
  expect(loadNewTicket("asha").assignee).toBeNull();
});
