import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useDeferredValue, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Macro, Ticket } from "@/lib/api/types.ts";
import { Badge } from "@/ui/badge.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { MacroChanges } from "./macro-changes.tsx";
import { macrosLike, macrosQuery, previewQuery } from "./macro-queries.ts";
import { agentsQuery } from "./queries.ts";
import { RichText } from "./rich-text.tsx";

interface MacroPickerProps {
  ticket: Ticket;
  onChoose: (macro: Macro) => void;
  /** Closed without a choice; `typed` is what belongs into the text instead. */
  onClose: (typed?: string) => void;
}

/** Macros and canned replies by name or shortcut, each with what it would do to this very ticket. */
export function MacroPicker({ ticket, onChoose, onClose }: MacroPickerProps) {
  const { t } = useTranslation("ticket");
  const list = useId();
  const macros = useQuery(macrosQuery);
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const found = macrosLike(macros.data ?? [], typed);
  const index = Math.min(at, found.length - 1);
  const active = found[index];

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = (index + (event.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(found.length, 1);
      setAt(next);
      document.getElementById(`${list}-${next}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && active !== undefined && !event.nativeEvent.isComposing) {
      event.preventDefault();
      onChoose(active);
    } else if (event.key === "/" && typed === "") {
      // Whoever wanted a slash types it twice.
      event.preventDefault();
      onClose("/");
    }
  };

  return (
    <Sheet title={t("macro.title")} isOpen onClose={() => onClose()}>
      <input
        role="combobox"
        aria-label={t("macro.search")}
        aria-expanded={found.length > 0}
        aria-autocomplete="list"
        aria-controls={list}
        {...(active && { "aria-activedescendant": `${list}-${index}` })}
        placeholder={t("macro.search")}
        dir="auto"
        autoComplete="off"
        // biome-ignore lint/a11y/noAutofocus: whoever opened the picker is about to type
        autoFocus
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
        className="h-9 w-full rounded-sm border border-control bg-surface px-3 text-base placeholder:text-ink-faint"
      />
      <div role="listbox" id={list} aria-label={t("macro.title")} className="-mx-2 max-h-52 overflow-y-auto">
        {found.map((macro, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys act on the active option, from the field
          // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field
          <div
            key={macro.id}
            id={`${list}-${place}`}
            role="option"
            aria-selected={place === index}
            onMouseMove={() => setAt(place)}
            onClick={() => onChoose(macro)}
            className="flex min-h-9 cursor-default items-center gap-2 rounded-sm px-2 py-1 text-sm aria-selected:bg-selected"
          >
            <bdi className="min-w-0 flex-1 truncate">{macro.name}</bdi>
            {macro.writes === "note" && Object.keys(macro.texts ?? {}).length > 0 && (
              <Badge tone="note">{t("composer.note")}</Badge>
            )}
            {macro.shortcut && <code className="font-mono text-xs text-ink-faint">{macro.shortcut}</code>}
          </div>
        ))}
      </div>
      {macros.isSuccess && found.length === 0 && (
        <p role="status" className="text-sm text-ink-soft">
          {macros.data.length === 0 ? t("macro.none") : t("macro.noneFound")}
        </p>
      )}
      {macros.isError && (
        <p role="alert" className="text-sm text-bad">
          {t("macro.error")}
        </p>
      )}
      {active && <Preview macro={active} ticket={ticket} />}
      <p className="text-xs text-ink-faint">{t("macro.hint")}</p>
    </Sheet>
  );
}

function Preview({ macro, ticket }: { macro: Macro; ticket: Ticket }) {
  const { t } = useTranslation("ticket");
  // Not for each row that the arrows pass: the last one is asked for.
  const id = useDeferredValue(macro.id);
  const preview = useQuery(previewQuery(id, ticket.id, ticket.version));
  const agents = useQuery(agentsQuery);
  const names = new Map((agents.data ?? []).map((agent) => [agent.id, agent.name]));

  if (preview.isPending) {
    return <div className="shimmer h-24" />;
  }
  if (preview.isError) {
    return <p className="text-sm text-bad">{t("macro.error")}</p>;
  }
  const { text, changes, problems } = preview.data;
  return (
    <section aria-label={t("macro.preview")} className="flex flex-col gap-3">
      {text && (
        <div
          className={`max-h-52 overflow-y-auto rounded-md border px-3 py-2 text-sm ${text.kind === "note" ? "border-note-line bg-note-soft" : "border-line bg-canvas"}`}
        >
          <RichText text={text.text} html={text.html} />
        </div>
      )}
      {Object.keys(changes).length > 0 && <MacroChanges changes={changes} names={names} />}
      {problems.map((problem) => (
        <p key={`${problem.step} ${problem.type}`} className="rounded-md bg-warn-soft px-3 py-2 text-sm text-warn">
          {problem.detail}
        </p>
      ))}
    </section>
  );
}
