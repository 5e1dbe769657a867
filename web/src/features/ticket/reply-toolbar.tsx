import type { Editor } from "@tiptap/core";
import { Bold, Code, Italic, Link, List, ListOrdered, type LucideIcon, TextQuote, Underline } from "lucide-react";
import { type FormEvent, useState, useSyncExternalStore } from "react";
import { Popover as AriaPopover, Button, Dialog, DialogTrigger, ToggleButton, Toolbar } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { buttonClass, Button as PlainButton } from "@/ui/button.tsx";
import { Field } from "@/ui/field.tsx";

const FORMATS = ["bold", "italic", "underline", "bulletList", "orderedList", "blockquote", "code"] as const;
type Format = (typeof FORMATS)[number];

const ICONS: Record<Format, LucideIcon> = {
  bold: Bold,
  italic: Italic,
  underline: Underline,
  bulletList: List,
  orderedList: ListOrdered,
  blockquote: TextQuote,
  code: Code,
};

const LOOK = `${buttonClass({ look: "quiet", size: "icon" })} data-selected:bg-hover data-selected:text-ink max-md:size-7`;

/** The formats of a reply. Arrow keys go from one to the next. */
export function ReplyToolbar({ editor }: { editor: Editor }) {
  const { t } = useTranslation("ticket");
  const active = useSyncExternalStore(
    (listener) => {
      editor.on("transaction", listener);
      return () => editor.off("transaction", listener);
    },
    () => [...FORMATS, "link"].filter((format) => editor.isActive(format)).join(" "),
  ).split(" ");

  return (
    <Toolbar aria-label={t("format.label")} className="flex flex-wrap items-center">
      {FORMATS.map((format) => {
        const Icon = ICONS[format];
        return (
          <ToggleButton
            key={format}
            aria-label={t(`format.${format}`)}
            isSelected={active.includes(format)}
            onChange={() => toggle(editor, format)}
            className={LOOK}
          >
            <Icon aria-hidden className="size-4" />
          </ToggleButton>
        );
      })}
      <LinkButton editor={editor} isActive={active.includes("link")} />
    </Toolbar>
  );
}

function toggle(editor: Editor, format: Format): void {
  const chain = editor.chain().focus();
  switch (format) {
    case "bold":
      return void chain.toggleBold().run();
    case "italic":
      return void chain.toggleItalic().run();
    case "underline":
      return void chain.toggleUnderline().run();
    case "bulletList":
      return void chain.toggleBulletList().run();
    case "orderedList":
      return void chain.toggleOrderedList().run();
    case "blockquote":
      return void chain.toggleBlockquote().run();
    case "code":
      return void chain.toggleCode().run();
  }
}

function LinkButton({ editor, isActive }: { editor: Editor; isActive: boolean }) {
  const { t } = useTranslation("ticket");
  const [isOpen, setOpen] = useState(false);

  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const address = String(new FormData(event.currentTarget).get("address")).trim();
    setOpen(false);
    const href = /^(https?:|mailto:|tel:)/i.test(address) ? address : `https://${address}`;
    const chain = editor.chain().focus().extendMarkRange("link");
    if (address === "") {
      chain.unsetLink().run();
    } else if (editor.state.selection.empty && !isActive) {
      chain.insertContent([{ type: "text", text: address, marks: [{ type: "link", attrs: { href } }] }]).run();
    } else {
      chain.setLink({ href }).run();
    }
  };

  return (
    <DialogTrigger isOpen={isOpen} onOpenChange={setOpen}>
      <Button aria-label={t("format.link")} className={`${LOOK} ${isActive ? "bg-hover text-ink" : ""}`}>
        <Link aria-hidden className="size-4" />
      </Button>
      <AriaPopover data-overlay="" className="w-72 rounded-lg border border-line bg-raised shadow-pop">
        <Dialog aria-label={t("format.link")} className="outline-none">
          <form onSubmit={onSubmit} className="flex items-end gap-2 p-3">
            <Field
              label={t("format.address")}
              name="address"
              dir="ltr"
              inputMode="url"
              placeholder="https://"
              defaultValue={String(editor.getAttributes("link").href ?? "")}
              autoFocus
            />
            <PlainButton type="submit">{t("format.apply")}</PlainButton>
          </form>
        </Dialog>
      </AriaPopover>
    </DialogTrigger>
  );
}
