import { X } from "lucide-react";
import { useRef, useState } from "react";
import { ComboBox, Input, ListBox, ListBoxItem, Popover } from "react-aria-components";
import { useTranslation } from "react-i18next";

export interface Chip {
  id: string;
  label: string;
}

interface ChipsFieldProps {
  label: string;
  /** What one does in its field: "Add a tag". */
  addLabel: string;
  chips: readonly Chip[];
  suggestions: readonly Chip[];
  onChange: (ids: string[]) => void;
  /** Takes what is written as a new one, cleaned; null refuses it. Without it only suggestions are taken. */
  accept?: (text: string) => string | null;
  onFocus?: () => void;
  isDisabled?: boolean;
  isInvalid?: boolean;
}

/** Several short values: added in one field with suggestions, taken away one by one. */
export function ChipsField({ label, addLabel, chips, suggestions, onChange, accept, ...props }: ChipsFieldProps) {
  const { t } = useTranslation(["desk", "panel"]);
  const [text, setText] = useState("");
  const box = useRef<HTMLInputElement>(null);
  const ids = chips.map((chip) => chip.id);
  // Without an end to what may be written, suggestions come with the first letter; and none right after one was taken.
  const [isQuiet, setQuiet] = useState(false);
  const offered = isQuiet || (accept && text === "") ? [] : suggestions.filter((each) => !ids.includes(each.id));

  const add = (id: string | null) => {
    setText("");
    setQuiet(true);
    if (id !== null && !ids.includes(id)) {
      onChange([...ids, id]);
    }
  };
  const remove = (id: string) => {
    onChange(ids.filter((each) => each !== id));
    // Its button goes with it: the focus must not fall out of the field.
    box.current?.focus();
  };

  return (
    <div className="flex min-w-0 flex-col gap-1">
      {chips.length > 0 && (
        <ul aria-label={label} className="flex flex-wrap gap-1 pt-1">
          {chips.map((chip) => (
            <li
              key={chip.id}
              className="flex min-w-0 items-center rounded-sm bg-hover ps-2 text-xs leading-6 text-ink-soft last:me-0"
            >
              <bdi className="truncate">{chip.label}</bdi>
              {!props.isDisabled && (
                <button
                  type="button"
                  aria-label={t("panel:remove", { name: chip.label })}
                  onClick={() => remove(chip.id)}
                  className="grid size-6 shrink-0 place-items-center rounded-sm hover:text-ink"
                >
                  <X aria-hidden className="size-3" />
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {!props.isDisabled && (
        <ComboBox
          aria-label={addLabel}
          defaultItems={offered}
          inputValue={text}
          onInputChange={(written) => {
            setText(written);
            setQuiet(isQuiet && written === "");
          }}
          value={null}
          onChange={(key) => key !== null && add(String(key))}
          allowsCustomValue={accept !== undefined}
          menuTrigger={accept ? "input" : "focus"}
          isInvalid={props.isInvalid ?? false}
        >
          <Input
            ref={box}
            dir="auto"
            placeholder={addLabel}
            onBlur={() => setQuiet(false)}
            onFocus={() => props.onFocus?.()}
            onKeyDown={(event) => {
              if (event.key === "ArrowDown") {
                setQuiet(false);
              }
              if (event.key === "Backspace" && text === "" && ids.length > 0) {
                onChange(ids.slice(0, -1));
              }
              const isChosen = event.currentTarget.getAttribute("aria-activedescendant");
              if (event.key === "Enter" && accept && text.trim() !== "" && !isChosen) {
                event.preventDefault();
                add(accept(text));
              }
            }}
            className="h-8 w-full min-w-0 rounded-sm border border-transparent bg-transparent px-2 text-sm placeholder:text-ink-faint hover:border-control focus:border-control aria-invalid:border-bad"
          />
          <Popover
            data-overlay=""
            className="max-h-60 min-w-(--trigger-width) overflow-auto rounded-md border border-line bg-raised p-1 shadow-pop"
          >
            <ListBox className="outline-none">
              {(each: Chip) => (
                <ListBoxItem
                  id={each.id}
                  textValue={each.label}
                  className="flex h-8 cursor-default items-center rounded-sm px-2 text-sm text-ink outline-none data-focused:bg-hover"
                >
                  <bdi className="truncate">{each.label}</bdi>
                </ListBoxItem>
              )}
            </ListBox>
          </Popover>
        </ComboBox>
      )}
    </div>
  );
}
