import { useCallback, useRef } from "react";

/**
 * Gives an Idempotency-Key to what is sent: the same thing sent once more, because no answer came, has the same one, so
 * it is not done twice. Once it was accepted the key is forgotten: the same thing wanted again is another one.
 */
export function useAttempt(): <T>(content: unknown, send: (key: string) => Promise<T>) => Promise<T> {
  const attempt = useRef({ content: "", key: "" });
  return useCallback(async (content, send) => {
    const text = JSON.stringify(content);
    if (attempt.current.content !== text) {
      attempt.current = { content: text, key: crypto.randomUUID() };
    }
    const { key } = attempt.current;
    const accepted = await send(key);
    if (attempt.current.key === key) {
      attempt.current = { content: "", key: "" };
    }
    return accepted;
  }, []);
}
