import { isUnsaved } from "@/lib/unsaved.ts";

const RELOADED = "desk.reloaded";
/** What is missing still after a reload is missing for another reason. */
const AGAIN_MS = 60_000;

let isGone = false;

/** Whether a piece of code could not be fetched: React does not ask for it again in this page. */
export function isCodeGone(): boolean {
  return isGone;
}

/**
 * After a release the server has no more of the code that an open page goes by: the page is loaded anew, once, where the
 * server answers at all and nothing is begun that this would lose; replies and notes are drafts, which are kept. Else
 * whoever needs that piece is told that it failed, with a button that loads the page anew.
 */
export function followReleases(reload: () => void): void {
  window.addEventListener("vite:preloadError", async () => {
    isGone = true;
    const isThere = await fetch("/", { cache: "no-store" }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isThere && !isUnsaved() && !hasJustReloaded()) {
      reload();
    }
  });
}

/** Asked once before each reload, and remembered for this tab alone: others have old code, too. */
function hasJustReloaded(): boolean {
  try {
    const before = Number(sessionStorage.getItem(RELOADED) ?? 0);
    sessionStorage.setItem(RELOADED, String(Date.now()));
    return Date.now() - before < AGAIN_MS;
  } catch {
    // Where nothing can be remembered it might go on for ever.
    return true;
  }
}
