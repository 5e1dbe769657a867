import { useState, useSyncExternalStore } from "react";
import { storage } from "@/lib/storage.ts";

export const TABS = ["details", "customer", "history"] as const;
export type Tab = (typeof TABS)[number];

/** From this width on there is room for rail, list, thread and panel side by side. */
const WIDE = "(min-width: 88rem)";
const SETTING = "desk.panel";
const CLOSED = "closed";

export interface PanelState {
  tab: Tab;
  isOpen: boolean;
  /** Whether it stands beside the thread; else it comes over it, and goes again. */
  isDocked: boolean;
  /** The property whose control is to have the focus, and how often that was asked for. */
  wanted: { property: string | null; times: number };
  show: (tab: Tab, property?: string) => void;
  hide: () => void;
}

/** What the panel beside the ticket shows. Kept for the next ticket where it stands beside. */
export function usePanel(): PanelState {
  const isDocked = useSyncExternalStore(subscribeWide, isWide);
  const [kept, setKept] = useState(() => storage.get(SETTING) ?? "details");
  const [isOver, setOver] = useState(false);
  const [wanted, setWanted] = useState<PanelState["wanted"]>({ property: null, times: 0 });
  const [tab, setTab] = useState<Tab>(() => TABS.find((each) => each === kept) ?? "details");

  const keep = (value: string) => {
    setKept(value);
    storage.set(SETTING, value);
  };
  return {
    tab,
    isOpen: isDocked ? kept !== CLOSED : isOver,
    isDocked,
    wanted,
    show: (next, property) => {
      setTab(next);
      setOver(true);
      setWanted(({ times }) => ({ property: property ?? null, times: times + 1 }));
      if (isDocked) {
        keep(next);
      }
    },
    hide: () => {
      setOver(false);
      if (isDocked) {
        keep(CLOSED);
      }
    },
  };
}

function subscribeWide(listener: () => void): () => void {
  const query = matchMedia(WIDE);
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}

function isWide(): boolean {
  return matchMedia(WIDE).matches;
}
