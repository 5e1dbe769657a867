import { Check, ChevronDown } from "lucide-react";
import type { KeyboardEvent, ReactNode } from "react";
import { Select as AriaSelect, Button, Label, ListBox, ListBoxItem, Popover, SelectValue } from "react-aria-components";

export interface Choice<T extends string> {
  id: T;
  label: string;
  icon?: ReactNode;
}

interface SelectProps<T extends string> {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  onChange: (value: T) => void;
  isDisabled?: boolean;
  /** Shows the label above the control; without it the label is for assistive technology only. */
  showLabel?: boolean;
  /** `quiet` shows its outline only under the pointer: for a column of properties that are read more than changed. */
  look?: "plain" | "quiet";
}

const LOOKS = {
  plain: "border-control bg-surface",
  quiet: "border-transparent data-hovered:border-control",
} as const;

const CLOSED = "button[aria-haspopup=listbox][aria-expanded=false]";

/**
 * A character on the closed control is the page's, as it would be beside it: it must not choose by its first letter,
 * which would change the value unseen by whoever gives a command.
 */
function giveAway(event: KeyboardEvent<HTMLElement>) {
  const { key, ctrlKey, metaKey, altKey } = event;
  if (key.length > 1 || key === " " || ctrlKey || metaKey || altKey || !(event.target as Element).matches(CLOSED)) {
    return;
  }
  event.stopPropagation();
  const given = new globalThis.KeyboardEvent(event.type, event.nativeEvent);
  if (event.currentTarget.parentElement?.dispatchEvent(given) === false) {
    event.preventDefault();
  }
}

/** One of a handful of values, changed at once. */
export function Select<T extends string>({
  label,
  value,
  choices,
  onChange,
  isDisabled,
  showLabel,
  look = "plain",
}: SelectProps<T>) {
  return (
    <div className="contents" onKeyDownCapture={giveAway}>
      <AriaSelect
        aria-label={label}
        value={value}
        onChange={(key) => onChange(key as T)}
        isDisabled={isDisabled ?? false}
        className="flex min-w-0 flex-col gap-1"
      >
        {showLabel && <Label className="text-xs text-ink-soft">{label}</Label>}
        <Button
          className={`flex h-8 w-full min-w-0 items-center gap-2 rounded-sm border px-2 text-sm text-ink transition-colors data-hovered:bg-hover disabled:opacity-60 ${LOOKS[look]}`}
        >
          <SelectValue className="flex min-w-0 flex-1 items-center gap-2 truncate text-start">
            {choices.find((choice) => choice.id === value)?.label ?? value}
          </SelectValue>
          <ChevronDown aria-hidden className="size-4 shrink-0 text-ink-faint" />
        </Button>
        <Popover
          data-overlay=""
          className="max-h-80 min-w-(--trigger-width) overflow-auto rounded-md border border-line bg-raised p-1 shadow-pop"
        >
          <ListBox className="outline-none" items={choices}>
            {(choice: Choice<T>) => (
              <ListBoxItem
                id={choice.id}
                textValue={choice.label}
                className="flex h-8 cursor-default items-center gap-2 rounded-sm px-2 text-sm text-ink outline-none data-focused:bg-hover data-focus-visible:outline-2 data-focus-visible:outline-accent data-focus-visible:-outline-offset-2"
              >
                {({ isSelected }) => (
                  <>
                    {choice.icon}
                    <span className="flex-1 truncate" dir="auto">
                      {choice.label}
                    </span>
                    {isSelected && <Check aria-hidden className="size-4 text-accent" />}
                  </>
                )}
              </ListBoxItem>
            )}
          </ListBox>
        </Popover>
      </AriaSelect>
    </div>
  );
}
