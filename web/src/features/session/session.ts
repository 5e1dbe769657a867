import { queryOptions } from "@tanstack/react-query";
import { answer, gateway } from "@/lib/api/client.ts";
import type { Session } from "@/lib/api/types.ts";

/** Whom this page has shown first: what it keeps beside the query cache, begun and refused, is theirs. */
let owner: string | null = null;

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async (): Promise<Session> => {
    const session = await answer(gateway.GET("/api/auth/session"));
    owner ??= session.account_id;
    return session;
  },
  staleTime: Number.POSITIVE_INFINITY,
  retry: false,
});

/** Whether this page has been somebody else's. */
export function isOfAnother({ account_id }: Session): boolean {
  return account_id !== owner;
}

/** Opens a session; the gateway sets the cookies. Raises `ApiError` 401 for a wrong pair, 429 with when to try again. */
export async function signIn(email: string, password: string): Promise<void> {
  await answer(gateway.POST("/api/auth/sign-in", { body: { email, password } }));
}

/** Opens a session by the token of a mailed link. Raises `ApiError` 401 for one that is used, old or unknown. */
export async function redeem(token: string): Promise<void> {
  await answer(gateway.POST("/api/auth/sign-in-links/redeem", { body: { token } }));
}

export async function signOut(): Promise<void> {
  await answer(gateway.POST("/api/auth/sign-out"));
}
