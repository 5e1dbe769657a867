import { AlarmClock, Moon } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCommand } from "@/features/commands/use-command.ts";
import { formatExact } from "@/lib/format.ts";
import { Button } from "@/ui/button.tsx";
import { Field } from "@/ui/field.tsx";
import { Popover } from "@/ui/popover.tsx";
import { localInput, type SnoozePreset, SOON_HOURS, snoozePresets } from "./snooze-times.ts";

const MAX_AHEAD_MS = 365 * 86_400_000;

interface SnoozePopoverProps {
  until: string | null;
  onChange: (until: string | null) => void;
}

/** Puts a ticket off, or shows until when it is. Times are the reader's own. */
export function SnoozePopover({ until, onChange }: SnoozePopoverProps) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const [isOpen, setOpen] = useState(false);
  const isAsleep = until !== null;
  useCommand({
    id: "ticket:snooze",
    group: "ticket",
    key: "z",
    label: t("panel:command.snooze"),
    run: () => setOpen(true),
  });
  useCommand({
    id: "ticket:wake",
    group: "ticket",
    label: t("panel:command.wake"),
    run: () => onChange(null),
    enabled: isAsleep,
  });

  const choose = (at: Date | null) => {
    setOpen(false);
    onChange(at?.toISOString() ?? null);
  };
  const trigger = (
    <>
      <Moon aria-hidden className="size-4" />
      {until ? t("panel:snooze.until", { when: formatExact(until, i18n.language) }) : t("panel:snooze.button")}
    </>
  );
  return (
    <Popover trigger={trigger} title={t("panel:snooze.title")} isOpen={isOpen} onOpenChange={setOpen}>
      <Times onChoose={choose} />
      {isAsleep && (
        <Button onClick={() => choose(null)}>
          <AlarmClock aria-hidden className="size-4" />
          {t("panel:snooze.wake")}
        </Button>
      )}
      <p className="text-xs text-ink-soft">{t("panel:snooze.hint")}</p>
    </Popover>
  );
}

function Times({ onChoose }: { onChoose: (at: Date) => void }) {
  const { t, i18n } = useTranslation(["desk", "panel"]);
  const [now] = useState(() => new Date());
  const words = ({ id }: SnoozePreset) =>
    id === "soon" ? t("panel:snooze.inHours", { count: SOON_HOURS }) : t(`panel:snooze.${id}`);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onChoose(new Date(String(new FormData(event.currentTarget).get("at"))));
  };
  const weekday = new Intl.DateTimeFormat(i18n.language, { weekday: "short", hour: "numeric", minute: "2-digit" });
  return (
    <>
      <ul className="-mx-2 flex flex-col">
        {snoozePresets(now).map((preset) => (
          <li key={preset.id}>
            <button
              type="button"
              onClick={() => onChoose(preset.at)}
              className="flex h-8 w-full items-center justify-between gap-3 rounded-sm px-2 text-sm hover:bg-hover"
            >
              {words(preset)}
              <span className="text-xs text-ink-soft tabular-nums">{weekday.format(preset.at)}</span>
            </button>
          </li>
        ))}
      </ul>
      <form onSubmit={submit} className="flex items-end gap-2 border-t border-line pt-3">
        <div className="min-w-0 flex-1">
          <Field
            label={t("panel:snooze.at")}
            type="datetime-local"
            name="at"
            required
            min={localInput(now)}
            max={localInput(new Date(now.getTime() + MAX_AHEAD_MS))}
          />
        </div>
        <Button type="submit">{t("panel:snooze.set")}</Button>
      </form>
    </>
  );
}
