import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { nextFrame } from "./next-frame.ts";

let frames: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (callback: () => void) => frames.push(callback));
  vi.stubGlobal("cancelAnimationFrame", (id: number) => frames.splice(id - 1, 1));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("calls back once where frames are drawn", () => {
  const callback = vi.fn();
  nextFrame(callback);
  frames[0]?.();
  vi.runAllTimers();
  expect(callback).toHaveBeenCalledOnce();
});

it("calls back once where the frame that was asked for is never drawn", () => {
  const callback = vi.fn();
  nextFrame(callback);
  vi.runAllTimers();
  expect(callback).toHaveBeenCalledOnce();
  expect(frames).toEqual([]);
});
