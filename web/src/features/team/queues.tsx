import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { formatExact } from "@/lib/format.ts";
import { Loaded } from "@/ui/page.tsx";
import { Table } from "@/ui/table.tsx";
import { queuesQuery } from "./queries.ts";

/** What waits for somebody who has time. */
export function Queues() {
  const { t, i18n } = useTranslation("team");
  const queues = useQuery(queuesQuery);
  const number = new Intl.NumberFormat(i18n.language);
  return (
    <section className="flex flex-col gap-3 pt-4">
      <h3 className="font-medium">{t("queues")}</h3>
      <Loaded query={queues} has={queues.data !== undefined}>
        {queues.data?.length === 0 ? (
          <p className="text-sm text-ink-soft">{t("noQueues")}</p>
        ) : (
          <Table label={t("queues")}>
            <thead>
              <tr>
                <th scope="col">{t("queue")}</th>
                <th scope="col">{t("waiting")}</th>
                <th scope="col">{t("oldest")}</th>
              </tr>
            </thead>
            <tbody>
              {queues.data?.map((queue) => (
                <tr key={queue.queue}>
                  <th scope="row" className="font-normal">
                    <bdi>{queue.queue}</bdi>
                  </th>
                  <td className="tabular-nums">{number.format(queue.waiting)}</td>
                  <td>{formatExact(queue.oldest_created_at, i18n.language)}</td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Loaded>
    </section>
  );
}
