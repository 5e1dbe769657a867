import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type Ref, useId, useImperativeHandle, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Agent } from "@/lib/api/types.ts";
import { Avatar } from "@/ui/avatar.tsx";
import { agentsLike, mentioningAt, withMention } from "./mentions.ts";
import { agentsQuery } from "./queries.ts";
import { FIELD, type FieldHandle, isLineStart } from "./reply-field.tsx";

interface NoteFieldProps {
  ref: Ref<FieldHandle>;
  text: string;
  isReadOnly: boolean;
  onChange: (text: string) => void;
  onKeyDown: (event: KeyboardEvent, isLineStart: boolean) => void;
  onFiles: (files: FileList) => void;
}

/** Where a note is written. After an @ it offers colleagues, who are told of the note. */
export function NoteField({ ref, text, isReadOnly, onChange, onKeyDown, onFiles }: NoteFieldProps) {
  const { t } = useTranslation("ticket");
  const field = useRef<HTMLTextAreaElement>(null);
  const list = useId();
  const agents = useQuery(agentsQuery);
  const [caret, setCaret] = useState(0);
  const [chosen, setChosen] = useState(0);
  const [refused, setRefused] = useState<number | null>(null);
  const goTo = useRef<number | null>(null);

  useImperativeHandle(ref, () => ({ focus: () => field.current?.focus() }), []);
  useLayoutEffect(() => {
    if (goTo.current !== null) {
      field.current?.setSelectionRange(goTo.current, goTo.current);
      goTo.current = null;
    }
  });

  const typed = mentioningAt(text, caret);
  const offered = typed === null || typed.at === refused ? [] : agentsLike(agents.data ?? [], typed.beginning);
  const index = Math.min(chosen, offered.length - 1);

  const mention = (agent: Agent) => {
    if (typed !== null) {
      const [written, place] = withMention(text, typed, caret, agent);
      goTo.current = place;
      onChange(written);
      setCaret(place);
      setChosen(0);
      field.current?.focus();
    }
  };
  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const current = offered[index];
    if (event.nativeEvent.isComposing) {
      // The key chooses among what an input method offers.
      return;
    }
    if (current !== undefined && !event.ctrlKey && !event.metaKey) {
      switch (event.key) {
        case "ArrowDown":
        case "ArrowUp":
          event.preventDefault();
          setChosen((index + (event.key === "ArrowDown" ? 1 : offered.length - 1)) % offered.length);
          return;
        case "Enter":
        case "Tab":
          event.preventDefault();
          mention(current);
          return;
        case "Escape":
          event.preventDefault();
          event.stopPropagation();
          setRefused(typed?.at ?? null);
          return;
      }
    }
    onKeyDown(event, isLineStart(event.currentTarget));
  };

  return (
    <div className="relative">
      {offered.length > 0 && (
        <div
          role="listbox"
          id={list}
          aria-label={t("mention.label")}
          className="absolute start-4 bottom-full z-1 mb-1 min-w-56 rounded-md border border-line bg-raised p-1 shadow-pop"
        >
          {offered.map((agent, at) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys act on the active option, from the field
            // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field
            <div
              key={agent.id}
              id={`${list}-${at}`}
              role="option"
              aria-selected={at === index}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => mention(agent)}
              className="flex h-9 cursor-default items-center gap-2 rounded-sm px-2 text-sm aria-selected:bg-selected"
            >
              <Avatar name={agent.name} tone="note" />
              <bdi>{agent.name}</bdi>
            </div>
          ))}
        </div>
      )}
      <textarea
        ref={field}
        dir="auto"
        rows={3}
        value={text}
        readOnly={isReadOnly}
        aria-label={t("composer.note")}
        aria-autocomplete="list"
        aria-haspopup="listbox"
        {...(offered.length > 0 && { "aria-controls": list, "aria-activedescendant": `${list}-${index}` })}
        placeholder={t("composer.noteHint")}
        onChange={(event) => {
          setCaret(event.target.selectionStart);
          setRefused(null);
          onChange(event.target.value);
        }}
        onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
        onKeyDown={onKey}
        onPaste={(event) => {
          if (event.clipboardData.files.length > 0) {
            event.preventDefault();
            onFiles(event.clipboardData.files);
          }
        }}
        className={`${FIELD} field-sizing-content resize-none placeholder:text-ink-faint`}
      />
    </div>
  );
}
