const LONGEST_WAIT_MS = 250;

/**
 * Calls back once: with the next animation frame, or soon after without one.
 *
 * A hidden window gets no frames, not even those it asked for before, yet its counts and title must not stand still.
 */
export function nextFrame(callback: () => void): void {
  const run = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    callback();
  };
  const frame = requestAnimationFrame(run);
  const timer = setTimeout(run, LONGEST_WAIT_MS);
}
