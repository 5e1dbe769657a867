// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { tickets } from "@/lib/api/client.ts";
import type { NewTicketBody, Ticket } from "@/lib/api/types.ts";
import { NOTHING } from "./new-ticket.ts";
import { NotAssigned, useOpenTicket } from "./use-open-ticket.ts";

const opened = { id: "t1", number: 1, version: 1 } as Ticket;
const opening = { body: { text: "Hello" } as NewTicketBody, key: "k1", assignee: "asha", written: NOTHING };
const answered = (status: number, data: object) =>
  ({ [status < 400 ? "data" : "error"]: data, response: new Response(null, { status }) }) as never;
const headersOf = ({ mock }: { mock: { calls: unknown } }) =>
  (mock.calls as [string, { params: { header: object } }][]).map(([, init]) => init.params.header);
const isKept = vi.fn();

let open: ReturnType<typeof useOpenTicket>;

function Opener() {
  open = useOpenTicket(isKept);
  return null;
}

async function tried(): Promise<Ticket | Error> {
  let result: Ticket | Error = new Error("no answer");
  await act(async () => {
    result = await open.mutateAsync(opening).catch((error: Error) => error);
  });
  return result;
}

beforeEach(async () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  isKept.mockClear();
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  await act(async () =>
    root.render(
      <QueryClientProvider client={new QueryClient()}>
        <Opener />
      </QueryClientProvider>,
    ),
  );
});
afterEach(() => vi.unstubAllGlobals());

it("gives it to whoever was chosen, also where routing was there in between", async () => {
  vi.spyOn(tickets, "POST").mockResolvedValue(answered(201, opened));
  vi.spyOn(tickets, "GET").mockResolvedValue(answered(200, { ...opened, version: 2 }));
  const put = vi.spyOn(tickets, "PUT");
  put.mockResolvedValueOnce(answered(412, {})).mockResolvedValueOnce(answered(200, { ...opened, version: 3 }));
  expect(await tried()).toMatchObject({ id: "t1", version: 3 });
  const asked = headersOf(put);
  expect(asked).toEqual([{ "if-match": '"1"' }, { "if-match": '"2"' }]);
  expect(isKept).toHaveBeenCalledOnce();
});

it("tells of a ticket that is open and not whose it should be", async () => {
  vi.spyOn(tickets, "POST").mockResolvedValue(answered(201, opened));
  vi.spyOn(tickets, "PUT").mockResolvedValue(answered(422, { type: "/problems/not-an-agent" }));
  const result = await tried();
  expect(result).toBeInstanceOf(NotAssigned);
  expect((result as NotAssigned).ticket).toBe(opened);
  expect(isKept).toHaveBeenCalledOnce();
});

it("forgets what was written once it is told that the ticket is open, and sends it by its key", async () => {
  const post = vi.spyOn(tickets, "POST");
  post.mockRejectedValueOnce(new TypeError("no network")).mockResolvedValue(answered(201, opened));
  vi.spyOn(tickets, "PUT").mockResolvedValue(answered(200, opened));
  expect(await tried()).toBeInstanceOf(TypeError);
  expect(isKept).not.toHaveBeenCalled();
  await tried();
  expect(isKept).toHaveBeenCalledExactlyOnceWith(NOTHING);
  expect(headersOf(post)).toEqual([{ "idempotency-key": "k1" }, { "idempotency-key": "k1" }]);
});
