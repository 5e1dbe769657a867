// @vitest-environment jsdom
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { beginUnsaved } from "@/lib/unsaved.ts";
import { followReleases, isCodeGone } from "./stale-code.ts";

const reload = vi.fn();
let ok = false;

async function missed(): Promise<number> {
  window.dispatchEvent(new Event("vite:preloadError"));
  await new Promise((resolve) => setTimeout(resolve));
  return reload.mock.calls.length;
}

beforeAll(() => {
  vi.stubGlobal("fetch", async () => new Response(null, { status: ok ? 200 : 503 }));
  followReleases(reload);
});

afterAll(() => vi.unstubAllGlobals());

it("loads the page anew once where a piece of it is gone; not where the server is away, nor what is begun lost", async () => {
  expect(isCodeGone()).toBe(false);
  expect(await missed()).toBe(0);
  expect(isCodeGone()).toBe(true);
  ok = true;
  const sheet = beginUnsaved();
  const upload = beginUnsaved();
  sheet();
  expect(await missed()).toBe(0);
  upload();
  expect(await missed()).toBe(1);
  expect(await missed()).toBe(1);
});
