import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { CHANNELS } from "@/features/reports/search.ts";
import { answer, sla } from "@/lib/api/client.ts";
import type { SlaPolicy } from "@/lib/api/types.ts";
import { listOf } from "@/lib/lists.ts";
import { Field } from "@/ui/field.tsx";
import { FormSheet } from "../form-sheet.tsx";
import { PRIORITIES } from "../workflow/draft.ts";
import { levelsKey } from "./levels.tsx";

const MINUTE = 60;
const CLOCKS = ["first_response_seconds", "resolution_seconds"] as const;

/** The terms of a policy. Clocks that run are planned anew by them. */
export function LevelSheet({ policy, onClose }: { policy: SlaPolicy; onClose: () => void }) {
  const { t } = useTranslation(["admin", "reports", "desk"]);
  const queryClient = useQueryClient();
  // What the writer has seen: a version that comes in meanwhile must not be written over.
  const [seen] = useState(policy);
  const save = useMutation({
    mutationFn: async (form: FormData): Promise<SlaPolicy> =>
      answer(
        sla.PUT("/api/sla/policies/{policy_id}", {
          params: { path: { policy_id: seen.id }, header: { "if-match": `"${seen.version}"` } },
          body: {
            calendar: seen.calendar,
            name: String(form.get("name")).trim(),
            position: Number(form.get("position")),
            tiers: listOf(form.get("tiers")),
            channels: CHANNELS.filter((channel) => form.getAll("channel").includes(channel)),
            warn_fraction: Number(form.get("warn")) / 100,
            targets: targetsFrom(form),
          },
        }),
      ),
    onSuccess: onClose,
    onSettled: () => queryClient.invalidateQueries({ queryKey: levelsKey }),
  });
  return (
    <FormSheet
      title={seen.name}
      onClose={onClose}
      onSubmit={(form) => save.mutate(form)}
      error={save.error}
      isPending={save.isPending}
    >
      <div className="grid gap-4 md:grid-cols-2">
        <Field label={t("common.name")} name="name" dir="auto" required maxLength={120} defaultValue={seen.name} />
        <Field
          label={t("common.position")}
          name="position"
          type="number"
          min={0}
          required
          defaultValue={seen.position}
        />
        <Field
          label={t("levels.tiers")}
          hint={`${t("common.commas")} ${t("levels.anyHint")}`}
          name="tiers"
          dir="auto"
          defaultValue={seen.tiers.join(", ")}
        />
        <Field
          label={t("levels.warn")}
          name="warn"
          type="number"
          min={1}
          max={99}
          required
          defaultValue={Math.round(seen.warn_fraction * 100)}
        />
      </div>
      <fieldset className="flex flex-wrap gap-x-4 gap-y-1">
        <legend className="pb-1 text-xs text-ink-soft">
          {t("levels.channels")} ({t("levels.anyHint")})
        </legend>
        {CHANNELS.map((channel) => (
          <label key={channel} className="flex min-h-7 items-center gap-2 text-sm">
            <input
              type="checkbox"
              name="channel"
              value={channel}
              defaultChecked={seen.channels.includes(channel)}
              className="size-4 accent-accent"
            />
            {t(`reports:channels.${channel}`)}
          </label>
        ))}
      </fieldset>
      {PRIORITIES.map((priority) => (
        <fieldset key={priority} className="grid grid-cols-2 gap-4">
          <legend className="pb-1 text-sm font-medium">{t(`desk:priority.${priority}`)}</legend>
          {CLOCKS.map((clock) => (
            <Field
              key={clock}
              label={clock === "first_response_seconds" ? t("levels.firstResponse") : t("levels.resolution")}
              name={`${priority}.${clock}`}
              type="number"
              min={0.02}
              step="any"
              required
              defaultValue={seen.targets[priority][clock] / MINUTE}
            />
          ))}
        </fieldset>
      ))}
    </FormSheet>
  );
}

function targetsFrom(form: FormData): SlaPolicy["targets"] {
  const seconds = (name: string) => Math.round(Number(form.get(name)) * MINUTE);
  const of = (priority: (typeof PRIORITIES)[number]) => ({
    first_response_seconds: seconds(`${priority}.first_response_seconds`),
    resolution_seconds: seconds(`${priority}.resolution_seconds`),
  });
  return { low: of("low"), normal: of("normal"), high: of("high"), urgent: of("urgent") };
}
