import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/ui/button.tsx";
import { Field } from "@/ui/field.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { localInput, snoozePresets } from "./snooze-times.ts";

const MINUTE_MS = 60_000;
/** As far ahead as the desk takes a reply, less the time it takes to choose. */
const LATEST_MS = 89 * 24 * 60 * MINUTE_MS;

interface SendLaterSheetProps {
  /** When it leaves by now; null for a reply that was not to leave later yet. */
  at: string | null;
  onChoose: (sendAt: string, onlyIfUnanswered: boolean) => void;
  onClose: () => void;
}

/** When a reply leaves, in the reader's own zone. */
export function SendLaterSheet({ at, onChoose, onClose }: SendLaterSheetProps) {
  const { t, i18n } = useTranslation(["ticket", "desk"]);
  const [now] = useState(() => new Date());
  const [onlyIfUnanswered, setOnlyIfUnanswered] = useState(false);
  const presets = snoozePresets(now);
  const after = (milliseconds: number) => localInput(new Date(now.getTime() + milliseconds));
  const short = new Intl.DateTimeFormat(i18n.language, { weekday: "long", hour: "numeric", minute: "2-digit" });

  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const entered = new FormData(event.currentTarget);
    onChoose(new Date(String(entered.get("at"))).toISOString(), onlyIfUnanswered);
  };
  return (
    <Sheet title={at === null ? t("later.title") : t("later.change")} isOpen onClose={onClose}>
      <form onSubmit={onSubmit} className="flex flex-col gap-4">
        <div className="flex flex-wrap gap-2">
          {presets.map((preset) => (
            <Button key={preset.id} onClick={() => onChoose(preset.at.toISOString(), onlyIfUnanswered)}>
              {short.format(preset.at)}
            </Button>
          ))}
        </div>
        <Field
          label={t("later.at")}
          hint={Intl.DateTimeFormat(i18n.language).resolvedOptions().timeZone}
          name="at"
          type="datetime-local"
          required
          min={after(2 * MINUTE_MS)}
          max={after(LATEST_MS)}
          defaultValue={at === null ? after(120 * MINUTE_MS) : localInput(new Date(at))}
        />
        {at === null && (
          <label className="flex min-h-6 items-center gap-2 text-sm">
            <input
              type="checkbox"
              checked={onlyIfUnanswered}
              onChange={(event) => setOnlyIfUnanswered(event.target.checked)}
              className="size-4 accent-accent"
            />
            {t("later.onlyIfUnanswered")}
          </label>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{t("desk:common.close")}</Button>
          <Button look="primary" type="submit">
            {at === null ? t("later.send") : t("later.move")}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}
