import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";

interface FormSheetProps {
  title: string;
  onClose: () => void;
  onSubmit: (form: FormData) => void;
  /** Why it was not saved. */
  error?: Error | null;
  isPending?: boolean;
  /** What the button says that ends it. */
  submit?: string;
  children: ReactNode;
}

/** A form above the page. */
export function FormSheet({ title, onClose, onSubmit, error = null, isPending, submit, children }: FormSheetProps) {
  const { t } = useTranslation("page");
  return (
    <Sheet title={title} isOpen onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit(new FormData(event.currentTarget));
        }}
        className="flex flex-col gap-4"
      >
        {children}
        <ProblemText error={error} />
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button look="primary" type="submit" disabled={isPending}>
            {submit ?? t("save")}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}
