import type { ReactNode } from "react";
import { Menu as AriaMenu, MenuItem as AriaMenuItem, Button, MenuTrigger, Popover } from "react-aria-components";
import { buttonClass } from "./button.tsx";

interface MenuProps {
  /** What the trigger shows, an icon, and what it is called. */
  trigger: ReactNode;
  label: string;
  children: ReactNode;
}

/** What else can be done with a thing. Each `MenuItem` does one. */
export function Menu({ trigger, label, children }: MenuProps) {
  return (
    <MenuTrigger>
      <Button aria-label={label} className={buttonClass({ look: "quiet", size: "icon" })}>
        {trigger}
      </Button>
      <Popover
        data-overlay=""
        placement="bottom end"
        className="min-w-52 overflow-auto rounded-md border border-line bg-raised p-1 shadow-pop"
      >
        <AriaMenu aria-label={label} className="outline-none">
          {children}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}

interface MenuItemProps {
  label: string;
  icon?: ReactNode;
  isDisabled?: boolean;
  onAction: () => void;
}

export function MenuItem({ label, icon, isDisabled = false, onAction }: MenuItemProps) {
  return (
    <AriaMenuItem
      textValue={label}
      isDisabled={isDisabled}
      onAction={onAction}
      className="flex h-8 cursor-default items-center gap-2 rounded-sm px-2 text-sm text-ink outline-none data-disabled:text-ink-faint data-focused:bg-hover data-focus-visible:outline-2 data-focus-visible:outline-accent data-focus-visible:-outline-offset-2"
    >
      {icon}
      {label}
    </AriaMenuItem>
  );
}
