import type { ReactNode } from "react";
import {
  Popover as AriaPopover,
  Button,
  Dialog,
  DialogTrigger,
  Heading,
  Modal,
  ModalOverlay,
} from "react-aria-components";
import { useUnsaved } from "@/lib/unsaved.ts";
import { buttonClass } from "./button.tsx";

interface PopoverProps {
  trigger: ReactNode;
  title: string;
  children: ReactNode;
  width?: string;
  /** Who opens it by other means than its trigger says whether it is open. */
  isOpen?: boolean;
  onOpenChange?: (isOpen: boolean) => void;
}

/** A small panel that belongs to its trigger. */
export function Popover({ trigger, title, children, width = "w-80", isOpen, onOpenChange }: PopoverProps) {
  return (
    <DialogTrigger {...(isOpen !== undefined && { isOpen })} {...(onOpenChange && { onOpenChange })}>
      <Button className={buttonClass({ look: "quiet" })}>{trigger}</Button>
      <AriaPopover
        data-overlay=""
        className={`max-h-[70vh] max-w-[calc(100vw-2rem)] overflow-auto rounded-lg border border-line bg-raised shadow-pop ${width}`}
      >
        <Dialog className="flex flex-col gap-3 p-4 outline-none">
          <Heading slot="title" className="text-base font-semibold">
            {title}
          </Heading>
          {children}
        </Dialog>
      </AriaPopover>
    </DialogTrigger>
  );
}

interface SheetProps {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog above the page; Escape and a press outside close it, and focus returns to where it was. */
export function Sheet({ title, isOpen, onClose, children }: SheetProps) {
  useUnsaved(isOpen);
  return (
    <ModalOverlay
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable
      data-overlay=""
      className="fixed inset-0 z-10 grid place-items-center bg-[oklch(0.15_0.02_265/0.45)] p-4"
    >
      <Modal className="max-h-full w-full max-w-120 overflow-auto rounded-lg border border-line bg-raised shadow-pop">
        <Dialog className="flex flex-col gap-4 p-6 outline-none">
          <Heading slot="title" className="text-lg font-semibold">
            {title}
          </Heading>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
