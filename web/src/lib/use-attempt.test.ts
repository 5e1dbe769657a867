// @vitest-environment jsdom
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { expect, it } from "vitest";
import { useAttempt } from "./use-attempt.ts";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

it("keeps the key of what got no answer, and forgets that of what was accepted", async () => {
  let keyed!: ReturnType<typeof useAttempt>;
  function Sender() {
    keyed = useAttempt();
    return null;
  }
  act(() => createRoot(document.createElement("div")).render(createElement(Sender)));
  const keys: string[] = [];
  const lose = (key: string) => {
    keys.push(key);
    return Promise.reject(new Error("lost"));
  };
  const accept = async (key: string) => {
    keys.push(key);
  };
  await expect(keyed("a", lose)).rejects.toThrow("lost");
  await keyed("a", accept);
  await keyed("a", accept);
  await keyed("b", accept);
  expect(keys[1]).toBe(keys[0]);
  expect(new Set(keys).size).toBe(3);
});
