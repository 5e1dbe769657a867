// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";
import { type Failure, tellFailure, told } from "./failures.ts";
import NotDone from "./not-done.tsx";
import { agentsQuery } from "./queries.ts";
import { type Held, heldQuery } from "./send-over.ts";

vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

it("who closes the notice of a change lets go of it: its ticket asks for nothing more", async () => {
  const failure: Failure = { id: "t1", number: 4, what: "change", error: new Error("refused") };
  tellFailure(failure);
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  queryClient.setQueryData(agentsQuery.queryKey, []);
  queryClient.setQueryData<Held>(heldQuery("t1").queryKey, {
    patch: { status: "solved" },
    shown: {},
    fields: ["group"],
  });
  const place = document.createElement("div");
  const root = createRoot(place);
  await act(async () =>
    root.render(
      <QueryClientProvider client={queryClient}>
        <NotDone failure={failure} onOpen={() => undefined} />
      </QueryClientProvider>,
    ),
  );
  await act(async () => [...place.querySelectorAll("button")].at(-1)?.click());
  expect([told(), queryClient.getQueryData(heldQuery("t1").queryKey)]).toEqual([[], null]);
});
