// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Notification, notificationsQuery } from "./queries.ts";
import { Toasts } from "./toasts.tsx";

const router = vi.hoisted(() => ({
  navigate: vi.fn(),
  params: {} as { view?: string },
  search: {} as { ticket?: string },
}));
const reading = vi.hoisted(() => vi.fn(async (_ids: string[]) => undefined));
vi.mock("@tanstack/react-router", () => ({
  useNavigate: () => router.navigate,
  useParams: () => router.params,
  useSearch: () => router.search,
}));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("./notification-text.tsx", () => ({ NotificationText: () => "told", textOf: () => "mentioned" }));
vi.mock("./queries.ts", async (original) => ({ ...(await original<object>()), markRead: reading }));
vi.mock("./alert.ts", () => ({ chime: () => undefined, alertOutside: () => undefined }));
vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

const ITEM = { id: "n", ticket_id: "t", ticket_number: 1, read_at: null } as unknown as Notification;
let root: ReturnType<typeof createRoot>;
let client: QueryClient;

/** Draws once more, as with every change of the address. */
const draw = () =>
  act(async () =>
    root.render(
      <QueryClientProvider client={client}>
        <Toasts />
      </QueryClientProvider>,
    ),
  );
const after = (seconds: number) => act(async () => void vi.advanceTimersByTime(seconds * 1000));
/** Goes to another tab, or comes back. */
const hide = (isHidden: boolean) =>
  act(async () => {
    vi.spyOn(document, "hidden", "get").mockReturnValue(isHidden);
    document.dispatchEvent(new Event("visibilitychange"));
  });
const toast = () => document.querySelector<HTMLElement>("section button");

beforeEach(async () => {
  vi.useFakeTimers();
  router.params = {};
  router.search = {};
  reading.mockClear();
  client = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  const told = (items: Notification[]) =>
    client.setQueryData(notificationsQuery.queryKey, { items, subjects: {}, unread: items.length } as never);
  told([]);
  root = createRoot(document.body.appendChild(document.createElement("div")));
  await draw();
  await act(async () => void told([ITEM]));
  await after(0);
});

afterEach(() => {
  act(() => root.unmount());
  vi.useRealTimers();
});

it("goes after ten seconds, however often the page is drawn meanwhile", async () => {
  await after(9);
  expect(toast()).not.toBeNull();
  await draw();
  await after(1.1);
  expect(toast()).toBeNull();
});

it.each([
  ["mine", { q: "late", ticket: "t" }],
  [undefined, { ticket: "t" }],
])("opens its ticket beside the list that is shown (%s)", async (view, search) => {
  router.params = view === undefined ? {} : { view };
  await draw();
  act(() => toast()?.click());
  const to = router.navigate.mock.lastCall?.[0];
  expect(to.params.view).toBe(view ?? "unassigned");
  expect(to.search({ q: "late", ticket: "other" })).toEqual(search);
});

it("is read once its ticket is on the screen, wherever that was opened", async () => {
  await draw();
  expect(reading).not.toHaveBeenCalled();
  router.search = { ticket: "other" };
  await draw();
  expect(reading).not.toHaveBeenCalled();
  router.search = { ticket: "t" };
  await draw();
  expect(reading.mock.calls.map(([ids]) => ids)).toEqual([["n"]]);
});

it("is read when whoever has its ticket open comes back from another tab", async () => {
  await hide(true);
  router.search = { ticket: "t" };
  await draw();
  expect(reading).not.toHaveBeenCalled();
  await hide(false);
  expect(reading.mock.calls.map(([ids]) => ids)).toEqual([["n"]]);
});
