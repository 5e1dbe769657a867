import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";

interface OpenButtonProps {
  ticket: { id: string; number: number };
  onOpen: () => void;
}

/** Opens another ticket in the place of this one. */
export function OpenButton({ ticket, onOpen }: OpenButtonProps) {
  const { t } = useTranslation("links");
  const navigate = useNavigate();
  const open = () => {
    onOpen();
    void navigate({ to: ".", search: (search) => ({ ...search, ticket: ticket.id }) });
  };
  return <Button onClick={open}>{t("merge.open", { number: ticket.number })}</Button>;
}
