type Fetch = (request: Request) => Promise<Response>;

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const OWN_ANSWER = ["/api/auth/sign-in", "/api/auth/sign-in-links/redeem", "/api/auth/refresh", "/api/auth/sign-out"];

/**
 * A fetch that sends the CSRF header on unsafe methods and, on 401, renews the session once and repeats the request.
 *
 * Requests that fail together share one renewal: the refresh cookie rotates, and a second use of an old one would end
 * the session. `onSignedOut` is called when renewal fails because nobody is signed in, not when the network does.
 */
export function authorisedFetch(send: Fetch, onSignedOut: () => void): Fetch {
  let renewal: Promise<"renewed" | "signed-out" | "unknown"> | null = null;

  const renew = () => {
    renewal ??= send(new Request(new URL("/api/auth/refresh", location.origin), csrf({ method: "POST" })))
      .then((answer) => (answer.ok ? "renewed" : answer.status === 401 ? "signed-out" : "unknown"))
      .catch(() => "unknown" as const)
      .finally(() => {
        renewal = null;
      });
    return renewal;
  };

  return async (original) => {
    const request = SAFE.has(original.method) ? original : new Request(original, csrf({ headers: original.headers }));
    const again = request.clone();
    const answer = await send(request);
    if (answer.status !== 401 || OWN_ANSWER.includes(new URL(request.url).pathname)) {
      return answer;
    }
    const outcome = await renew();
    if (outcome === "renewed") {
      return send(again);
    }
    if (outcome === "signed-out") {
      onSignedOut();
    }
    return answer;
  };
}

function csrf(init: RequestInit): RequestInit {
  const headers = new Headers(init.headers);
  headers.set("X-Desk-CSRF", "1");
  return { ...init, headers };
}
