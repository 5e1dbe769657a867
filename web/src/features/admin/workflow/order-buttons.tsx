import { ChevronDown, ChevronUp, Pencil, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";

interface OrderButtonsProps {
  name: string;
  isFirst: boolean;
  isLast: boolean;
  onMove: (by: -1 | 1) => void;
  onEdit: () => void;
  /** Without, it cannot be removed. */
  onRemove?: (() => void) | undefined;
}

/** What can be done with an entry of a list that has an order. */
export function OrderButtons({ name, isFirst, isLast, onMove, onEdit, onRemove }: OrderButtonsProps) {
  const { t } = useTranslation("admin");
  const icon = "size-4";
  return (
    <div className="flex shrink-0">
      <Button
        look="quiet"
        size="icon"
        disabled={isFirst}
        onClick={() => onMove(-1)}
        aria-label={t("common.upOf", { name })}
      >
        <ChevronUp aria-hidden className={icon} />
      </Button>
      <Button
        look="quiet"
        size="icon"
        disabled={isLast}
        onClick={() => onMove(1)}
        aria-label={t("common.downOf", { name })}
      >
        <ChevronDown aria-hidden className={icon} />
      </Button>
      <Button look="quiet" size="icon" onClick={onEdit} aria-label={t("common.editOf", { name })}>
        <Pencil aria-hidden className={icon} />
      </Button>
      {onRemove && (
        <Button look="quiet" size="icon" onClick={onRemove} aria-label={t("common.removeOf", { name })}>
          <X aria-hidden className={icon} />
        </Button>
      )}
    </div>
  );
}
