import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, gateway } from "@/lib/api/client.ts";
import type { ApiKey } from "@/lib/api/types.ts";
import { formatExact } from "@/lib/format.ts";
import { Badge } from "@/ui/badge.tsx";
import { Button } from "@/ui/button.tsx";
import { Notice } from "@/ui/notice.tsx";
import { Loaded, PageHead } from "@/ui/page.tsx";
import { ProblemText } from "@/ui/problem-text.tsx";
import { Table } from "@/ui/table.tsx";
import { SeenBy } from "../seen-by.tsx";
import { KeySheet } from "./key-sheet.tsx";

const keysKey = ["admin", "keys"] as const;

const keysQuery = queryOptions({
  queryKey: keysKey,
  queryFn: async ({ signal }): Promise<ApiKey[]> =>
    (await answer(gateway.GET("/api/accounts/keys", { params: { query: { limit: 200 } }, signal }))).items,
});

/** The keys of other systems, the newest first. */
export default function Keys() {
  const { t, i18n } = useTranslation("admin");
  const queryClient = useQueryClient();
  const keys = useQuery(keysQuery);
  const [isAdding, setAdding] = useState(false);
  const changed = () => queryClient.invalidateQueries({ queryKey: keysKey });
  const revoke = useMutation({
    mutationFn: async (id: string) => {
      await answer(gateway.DELETE("/api/accounts/keys/{key_id}", { params: { path: { key_id: id } } }));
    },
    onSettled: changed,
  });
  return (
    <>
      <PageHead title={t("sections.keys")} hint={t("keys.hint")}>
        <Button look="primary" onClick={() => setAdding(true)}>
          <Plus aria-hidden className="size-4" />
          {t("keys.add")}
        </Button>
      </PageHead>
      <SeenBy />
      <ProblemText error={revoke.error} />
      <Loaded query={keys} has={keys.data !== undefined}>
        {keys.data?.length === 0 ? (
          <Notice icon={<KeyRound aria-hidden className="size-6" />} title={t("keys.none")} />
        ) : (
          <Table label={t("sections.keys")}>
            <thead>
              <tr>
                <th scope="col">{t("common.name")}</th>
                <th scope="col">{t("keys.scopes")}</th>
                <th scope="col">{t("keys.expires")}</th>
                <th scope="col">{t("keys.state")}</th>
                <th scope="col">
                  <span className="sr-only">{t("keys.revoke")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {keys.data?.map((key) => {
                const state = stateOf(key, Date.now());
                return (
                  <tr key={key.id}>
                    <th scope="row">
                      <bdi>{key.name}</bdi>
                    </th>
                    <td>
                      <span dir="ltr" className="line-clamp-2 max-w-80 text-xs text-ink-soft">
                        {key.scopes.join(", ")}
                      </span>
                    </td>
                    <td className="whitespace-nowrap">{formatExact(key.expires_at, i18n.language)}</td>
                    <td>
                      <Badge tone={state === "works" ? "good" : "neutral"}>{t(`keys.${state}`)}</Badge>
                    </td>
                    <td className="text-end">
                      {state === "works" && (
                        <Button
                          look="danger"
                          onClick={() => revoke.mutate(key.id)}
                          aria-label={t("keys.revokeOf", { name: key.name })}
                        >
                          {t("keys.revoke")}
                        </Button>
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </Table>
        )}
      </Loaded>
      {isAdding && <KeySheet onMade={changed} onClose={() => setAdding(false)} />}
    </>
  );
}

function stateOf(key: ApiKey, now: number): "works" | "revoked" | "expired" {
  return key.revoked_at ? "revoked" : Date.parse(key.expires_at) <= now ? "expired" : "works";
}
