import { queryOptions, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, tickets } from "@/lib/api/client.ts";
import { ChipsField } from "./chips-field.tsx";

const MAX_TAGS = 50;
const MAX_LENGTH = 64;
/** So many of the tickets that changed last are looked at for tags that are in use. */
const LOOKED_AT = 200;

/** Tags in use, the most frequent first. */
const tagsQuery = queryOptions({
  queryKey: ["tags"],
  queryFn: async ({ signal }): Promise<string[]> => {
    const query = { limit: LOOKED_AT, sort: "-updated_at" as const };
    const { items } = await answer(tickets.GET("/api/tickets", { params: { query }, signal }));
    const counts = new Map<string, number>();
    for (const tag of items.flatMap((ticket) => ticket.tags)) {
      counts.set(tag, (counts.get(tag) ?? 0) + 1);
    }
    return [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  },
  staleTime: 5 * 60_000,
});

interface TagsFieldProps {
  tags: readonly string[];
  onChange: (tags: string[]) => void;
  isDisabled?: boolean;
}

/** The tags of a ticket. Those in use are suggested, from the first letter on. */
export function TagsField({ tags, onChange, isDisabled = false }: TagsFieldProps) {
  const { t } = useTranslation(["desk", "panel"]);
  const [isAsked, setAsked] = useState(false);
  const known = useQuery({ ...tagsQuery, enabled: isAsked });
  const isFull = tags.length >= MAX_TAGS;
  const chip = (tag: string) => ({ id: tag, label: tag });
  return (
    <>
      <ChipsField
        label={t("panel:field.tags")}
        addLabel={t("panel:tags.add")}
        chips={tags.map(chip)}
        suggestions={isFull ? [] : (known.data ?? []).map(chip)}
        onChange={onChange}
        accept={(text) => (isFull ? null : text.trim().slice(0, MAX_LENGTH))}
        onFocus={() => setAsked(true)}
        isDisabled={isDisabled}
      />
      {isFull && <p className="text-xs text-ink-soft">{t("panel:tags.full")}</p>}
    </>
  );
}
