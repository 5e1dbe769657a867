import { MutationObserver, onlineManager } from "@tanstack/react-query";
import { afterEach, expect, it } from "vitest";
import { queryClient } from "./query-client.ts";

afterEach(() => onlineManager.setOnline(true));

it("without a network a change fails at once: it is not kept for later, looking done", async () => {
  onlineManager.setOnline(false);
  const mutationFn = () => Promise.reject(new TypeError("Failed to fetch"));
  await expect(new MutationObserver(queryClient, { mutationFn }).mutate()).rejects.toThrow("Failed to fetch");
});
