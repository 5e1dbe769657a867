// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { authorisedFetch } from "./authorised-fetch.ts";

const url = (path: string) => new URL(path, location.origin).href;

/** A server: signed in or not, and what a refresh does about it. */
function server({ expired = true, refresh = 204 } = {}) {
  let signedIn = !expired;
  const seen: string[] = [];
  const send = vi.fn(async (request: Request) => {
    const { pathname } = new URL(request.url);
    seen.push(
      `${request.method} ${pathname} ${request.headers.get("X-Desk-CSRF") ?? "-"} ${await request.text()}`.trim(),
    );
    if (pathname === "/api/auth/refresh") {
      signedIn = refresh === 204;
      return new Response(null, { status: refresh });
    }
    return new Response(null, { status: signedIn ? 200 : 401 });
  });
  return { send, seen };
}

describe("an authorised fetch", () => {
  it("renews an expired session and repeats the request with its body", async () => {
    const { send, seen } = server();
    const signedOut = vi.fn();
    const call = authorisedFetch(send, signedOut);
    const answer = await call(new Request(url("/api/tickets"), { method: "POST", body: "hello" }));
    expect(answer.status).toBe(200);
    expect(seen).toEqual(["POST /api/tickets 1 hello", "POST /api/auth/refresh 1", "POST /api/tickets 1 hello"]);
    expect(signedOut).not.toHaveBeenCalled();
  });

  it("renews once for requests that fail together: the second use of a refresh cookie would end the session", async () => {
    const { send, seen } = server();
    const call = authorisedFetch(send, vi.fn());
    const answers = await Promise.all([1, 2, 3].map((n) => call(new Request(url(`/api/tickets/${n}`)))));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(seen.filter((line) => line.includes("refresh"))).toHaveLength(1);
  });

  it("says that nobody is signed in when renewal is refused", async () => {
    const { send } = server({ refresh: 401 });
    const signedOut = vi.fn();
    expect((await authorisedFetch(send, signedOut)(new Request(url("/api/tickets")))).status).toBe(401);
    expect(signedOut).toHaveBeenCalledOnce();
  });

  it("does not sign anybody out because the server is overloaded", async () => {
    const { send } = server({ refresh: 503 });
    const signedOut = vi.fn();
    await authorisedFetch(send, signedOut)(new Request(url("/api/tickets")));
    expect(signedOut).not.toHaveBeenCalled();
  });

  it("takes a wrong password for what it is", async () => {
    const { send, seen } = server();
    await authorisedFetch(send, vi.fn())(new Request(url("/api/auth/sign-in"), { method: "POST" }));
    expect(seen).toEqual(["POST /api/auth/sign-in 1"]);
  });
});
