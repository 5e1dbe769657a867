// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createInstance } from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { I18nextProvider } from "react-i18next";
import { expect, it } from "vitest";
import desk from "@/locales/en/desk.json";
import panel from "@/locales/en/panel.json";
import ticket from "@/locales/en/ticket.json";
import { MacroChanges } from "./macro-changes.tsx";
import { fieldsQuery, lifecycleQuery } from "./settings.ts";

const i18n = createInstance({ lng: "en", defaultNS: "desk", resources: { en: { desk, panel, ticket } } });
await i18n.init();

it("what a macro changes is told in the organisation's words and the desk's, not in the service's", () => {
  const queryClient = new QueryClient();
  queryClient.setQueryData(fieldsQuery.queryKey, { fields: [{ key: "order_no", labels: { en: "Order" } }] } as never);
  const statuses = [{ key: "with_vendor", category: "on_hold", labels: { en: "With the vendor" } }];
  queryClient.setQueryData(lifecycleQuery.queryKey, { statuses, types: [] } as never);
  const changes = {
    status: { before: "open", after: "on_hold" },
    status_key: { before: "open", after: "with_vendor" },
    type: { before: null, after: "incident" },
    urgency: { before: null, after: "high" },
    "fields.order_no": { before: null, after: "17" },
  };
  const place = document.createElement("div");
  place.innerHTML = renderToStaticMarkup(
    <QueryClientProvider client={queryClient}>
      <I18nextProvider i18n={i18n}>
        <MacroChanges changes={changes} names={new Map()} />
      </I18nextProvider>
    </QueryClientProvider>,
  );
  const told = [...place.querySelectorAll("dl > div")].map((row) => row.textContent);
  expect(told).toEqual(["StatusOpenWith the vendor", "TypenothingIncident", "UrgencynothingHigh", "Ordernothing17"]);
});
