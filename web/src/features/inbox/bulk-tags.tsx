import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { Field } from "@/ui/field.tsx";
import { Popover } from "@/ui/popover.tsx";

interface BulkTagsProps {
  trigger: ReactNode;
  onTags: (tags: { add_tags?: string[]; remove_tags?: string[] }) => void;
}

/** Tags that all of the selected tickets get, or lose; their others stay. */
export function BulkTags({ trigger, onTags }: BulkTagsProps) {
  const { t } = useTranslation("inbox");
  const [text, setText] = useState("");
  const tags = text.split(/[\s,]+/).filter(Boolean);
  const named = (
    <>
      {trigger}
      <span className="sr-only">{t("bulk.tags")}</span>
    </>
  );
  return (
    <Popover trigger={named} title={t("bulk.tags")} width="w-72">
      <Field
        label={t("bulk.tagsLabel")}
        hint={t("bulk.tagsHint")}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="flex gap-2">
        <Button look="primary" disabled={tags.length === 0} onClick={() => onTags({ add_tags: tags })}>
          {t("bulk.addTags")}
        </Button>
        <Button disabled={tags.length === 0} onClick={() => onTags({ remove_tags: tags })}>
          {t("bulk.removeTags")}
        </Button>
      </div>
    </Popover>
  );
}
