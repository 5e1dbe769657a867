import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./button.tsx";

interface NoticeProps {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  /** Offers to try again. */
  onRetry?: () => void;
  isError?: boolean;
}

/** What stands where content would be: nothing here, or it could not be had. */
export function Notice({ icon, title, children, onRetry, isError = false }: NoticeProps) {
  const { t } = useTranslation();
  return (
    <div
      role={isError ? "alert" : undefined}
      className="flex h-full flex-col items-center justify-center gap-2 p-8 text-center"
    >
      {icon && <span className={isError ? "text-bad" : "text-ink-faint"}>{icon}</span>}
      <p className="font-medium">{title}</p>
      {children && <p className="max-w-80 text-sm text-ink-soft">{children}</p>}
      {onRetry && (
        <div className="pt-2">
          <Button onClick={onRetry}>{t("common.retry")}</Button>
        </div>
      )}
    </div>
  );
}
