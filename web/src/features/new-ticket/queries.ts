import { queryOptions } from "@tanstack/react-query";
import { answer, tickets } from "@/lib/api/client.ts";
import type { Customer, TicketTemplate } from "@/lib/api/types.ts";

const FOUND = 8;
/** So much has to be written before customers are looked for. */
export const LEAST = 2;
/** So long nothing is written before they are, in milliseconds: not every letter is a search. */
const PAUSE_MS = 200;

/** The templates that are in use. */
export const templatesQuery = queryOptions({
  queryKey: ["templates"],
  queryFn: async ({ signal }): Promise<TicketTemplate[]> => {
    const query = { active: true, limit: 200 };
    return (await answer(tickets.GET("/api/tickets/templates", { params: { query }, signal }))).items;
  },
});

export interface Known {
  id: string;
  name: string;
  /** The address by which they were found, else their first. */
  address: string;
  hasEmail: boolean;
}

/** Customers by the beginning of an e-mail address or a name, or by a whole phone number. */
export function customersQuery(written: string) {
  return queryOptions({
    queryKey: ["customers", "found", written] as const,
    queryFn: async ({ signal }): Promise<Known[]> => {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      signal.throwIfAborted();
      const find = async (query: { email: string } | { name: string } | { identity: string }) =>
        (await answer(tickets.GET("/api/customers", { params: { query: { ...query, limit: FOUND } }, signal }))).items;
      const isNumber = /^[+\d][\d\s()./-]*$/.test(written);
      const found = isNumber
        ? await find({ identity: written })
        : (await Promise.all([find({ email: written }), written.includes("@") ? [] : find({ name: written })])).flat();
      const each = new Map(found.map((customer) => [customer.id, customer]));
      return [...each.values()].slice(0, FOUND).map((customer) => known(customer, written));
    },
    enabled: written.length >= LEAST,
    staleTime: 10_000,
  });
}

function known({ id, name, identities }: Customer, written: string): Known {
  const begins = identities.find(({ address }) => address.toLowerCase().startsWith(written.toLowerCase()));
  const email = identities.find(({ kind }) => kind === "email");
  const shown = begins ?? email ?? identities[0];
  return { id, name, address: shown?.address ?? "", hasEmail: email !== undefined };
}
