import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import type { Agent } from "@/lib/api/types.ts";
import { listOf } from "@/lib/lists.ts";
import { Button } from "@/ui/button.tsx";
import { Field } from "@/ui/field.tsx";
import { Sheet } from "@/ui/popover.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { useConfigureAgent } from "./use-agent.ts";

/** What somebody can do, and how much. */
export function AgentSheet({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  const { t } = useTranslation(["team", "page"]);
  const save = useConfigureAgent(agent, onClose);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    save.mutate({
      capacity: Number(form.get("capacity")),
      skills: listOf(form.get("skills")),
      languages: listOf(form.get("languages")),
    });
  };
  return (
    <Sheet title={agent.name} isOpen onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field
          label={t("capacity")}
          hint={t("capacityHint")}
          name="capacity"
          type="number"
          min={0}
          max={500}
          required
          defaultValue={agent.capacity}
        />
        <Field
          label={t("skills")}
          hint={t("skillsHint")}
          name="skills"
          dir="auto"
          defaultValue={agent.skills.join(", ")}
        />
        <Field
          label={t("languages")}
          hint={t("languagesHint")}
          name="languages"
          dir="ltr"
          defaultValue={agent.languages.join(", ")}
        />
        <ProblemText error={save.error} />
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t("page:cancel")}</Button>
          <Button look="primary" type="submit" disabled={save.isPending}>
            {t("page:save")}
          </Button>
        </div>
      </form>
    </Sheet>
  );
}
