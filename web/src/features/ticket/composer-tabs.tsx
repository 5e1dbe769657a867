import { Lock, Reply } from "lucide-react";
import { type KeyboardEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { DraftKind } from "./drafts.ts";

const KINDS = ["reply", "note"] as const;
const ICONS = { reply: Reply, note: Lock };
const SELECTED = {
  reply: "aria-selected:bg-accent-soft aria-selected:text-accent-strong",
  note: "aria-selected:bg-note-line/40 aria-selected:text-note-strong",
};

interface ComposerTabsProps {
  kind: DraftKind;
  /** Whether something is written of the kind that is not shown. */
  hasOther: boolean;
  /** The id of the panel that both tabs fill. */
  panel: string;
  onChange: (kind: DraftKind) => void;
}

/** To whom one writes: the customer, or colleagues only. One panel serves both, so that the field keeps its focus. */
export function ComposerTabs({ kind, hasOther, panel, onChange }: ComposerTabsProps) {
  const { t } = useTranslation("ticket");
  const tabs = useRef<Partial<Record<DraftKind, HTMLButtonElement | null>>>({});

  const onKeyDown = (event: KeyboardEvent) => {
    if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
      event.preventDefault();
      const other = event.key === "Home" ? "reply" : event.key === "End" || kind === "reply" ? "note" : "reply";
      onChange(other);
      tabs.current[other]?.focus();
    }
  };

  return (
    <div role="tablist" aria-label={t("composer.kind")} className="flex gap-1 px-2 pt-2">
      {KINDS.map((each) => {
        const Icon = ICONS[each];
        return (
          <button
            key={each}
            ref={(element) => {
              tabs.current[each] = element;
            }}
            type="button"
            role="tab"
            id={`${panel}-${each}`}
            aria-selected={each === kind}
            aria-controls={panel}
            tabIndex={each === kind ? 0 : -1}
            onClick={() => onChange(each)}
            onKeyDown={onKeyDown}
            className={`flex h-8 items-center gap-1.5 rounded-sm px-2.5 text-sm text-ink-soft hover:bg-hover aria-selected:font-medium ${SELECTED[each]}`}
          >
            <Icon aria-hidden className="size-4 rtl:-scale-x-100" />
            {t(`composer.${each}`)}
            {hasOther && each !== kind && (
              <>
                <span aria-hidden className="size-1.5 rounded-full bg-current" />
                <span className="sr-only">{t("composer.begun")}</span>
              </>
            )}
          </button>
        );
      })}
    </div>
  );
}
