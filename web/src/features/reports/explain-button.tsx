import { CircleHelp } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";

interface ExplainButtonProps {
  name: string;
  isOpen: boolean;
  onToggle: () => void;
}

/** Asks what a figure means; whoever shows the figure answers below it. */
export function ExplainButton({ name, isOpen, onToggle }: ExplainButtonProps) {
  const { t } = useTranslation("reports");
  return (
    <Button look="quiet" size="icon" aria-label={t("whatOf", { name })} aria-expanded={isOpen} onClick={onToggle}>
      <CircleHelp aria-hidden className="size-4" />
    </Button>
  );
}
