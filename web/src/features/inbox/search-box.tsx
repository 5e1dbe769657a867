import { Search, X } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { type Suggestion, suggest } from "./suggest.ts";
import { useCatalogue } from "./use-catalogue.ts";

interface SearchBoxProps {
  q: string;
  onSearch: (q: string) => void;
}

/** Where tickets are searched for, by words and fields; what may be meant is proposed below. */
export default function SearchBox({ q, onSearch }: SearchBoxProps) {
  const { t } = useTranslation(["inbox", "desk"]);
  const [text, setText] = useState(q);
  const [isWriting, setWriting] = useState(false);
  const [isClosed, setClosed] = useState(false);
  const [caret, setCaret] = useState(0);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const catalogue = useCatalogue(isWriting);
  const proposed = isWriting && !isClosed ? suggest(text, caret, catalogue) : [];
  useEffect(() => setText(q), [q]);
  const begin = () => {
    input.current?.focus();
    input.current?.select();
  };
  useCommand({ id: "list:search", group: "list", key: "/", label: t("key.search"), run: begin });

  const take = ({ insert, from, to }: Suggestion) => {
    const at = from + insert.length;
    setText(text.slice(0, from) + insert + text.slice(to));
    setCaret(at);
    setChosen(-1);
    // The caret can only be set in a text that is there.
    requestAnimationFrame(() => input.current?.setSelectionRange(at, at));
  };
  const search = (line: string) => {
    setText(line);
    setClosed(true);
    onSearch(line.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const one = proposed[chosen];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (proposed.length > 0) {
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : -1;
        setChosen((chosen + step + proposed.length + (chosen < 0 && step < 0 ? 1 : 0)) % proposed.length);
      }
    } else if (event.key === "Tab" && one && !event.shiftKey) {
      event.preventDefault();
      take(one);
    } else if (event.key === "Enter" && !event.nativeEvent.isComposing) {
      event.preventDefault();
      if (one) {
        take(one);
      } else {
        search(text);
      }
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (proposed.length > 0) {
        setClosed(true);
      } else {
        setText(q);
        input.current?.blur();
      }
    }
  };

  return (
    <search className="relative border-b border-line p-2">
      <Search aria-hidden className="pointer-events-none absolute start-4.5 top-4 size-4 text-ink-faint" />
      <input
        ref={input}
        role="combobox"
        aria-label={t("search.label")}
        aria-expanded={proposed.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={chosen >= 0 && proposed[chosen] ? `${id}-${chosen}` : undefined}
        placeholder={t("search.placeholder")}
        dir="auto"
        autoComplete="off"
        spellCheck={false}
        maxLength={1000}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setCaret(event.target.selectionStart ?? event.target.value.length);
          setChosen(-1);
          setClosed(false);
          setWriting(true);
        }}
        onFocus={() => setWriting(true)}
        onBlur={() => setWriting(false)}
        onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
        onKeyDown={onKeyDown}
        className="page-start h-8 w-full rounded-sm border border-transparent bg-hover ps-8 pe-8 text-sm text-ink placeholder:text-ink-faint focus:border-control focus:bg-surface"
      />
      {text !== "" && (
        <button
          type="button"
          aria-label={t("search.clear")}
          onClick={() => search("")}
          className="absolute end-3 top-3 grid size-6 place-items-center rounded-sm text-ink-faint hover:bg-hover hover:text-ink"
        >
          <X aria-hidden className="size-4" />
        </button>
      )}
      <div
        id={`${id}-list`}
        role="listbox"
        aria-label={t("search.proposed")}
        hidden={proposed.length === 0}
        className="absolute inset-x-2 top-11 z-2 overflow-hidden rounded-md border border-line bg-raised p-1 shadow-pop"
      >
        {proposed.map((one, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys act on the active option, in the box
          <div
            key={one.insert}
            id={`${id}-${place}`}
            role="option"
            tabIndex={-1}
            aria-selected={place === chosen}
            // Before the box loses the focus.
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(one)}
            className="flex h-8 cursor-default items-center gap-3 rounded-sm px-2 text-sm hover:bg-hover aria-selected:bg-selected"
          >
            <bdi className="truncate font-medium">{one.insert}</bdi>
            <span dir="auto" className="min-w-0 flex-1 truncate text-end text-ink-faint">
              {one.label}
            </span>
          </div>
        ))}
      </div>
    </search>
  );
}
