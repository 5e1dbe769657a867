import { useQuery } from "@tanstack/react-query";
import { type SyntheticEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { answer, ingestion } from "@/lib/api/client.ts";
import { statusOf } from "@/lib/api/problem.ts";
import type { Message } from "@/lib/api/types.ts";
import { Button } from "@/ui/button.tsx";

/** Higher than this a mail scrolls by itself. */
const MOST_PIXELS = 4_000;

/**
 * A customer's mail as its sender formatted it. The page is made safe by the server and forbids itself everything; the
 * frame forbids it once more. Its own origin it keeps: its images could not be had without, nor its height measured,
 * and nothing in it runs.
 */
export function Original({ message, id }: { message: Message; id: string }) {
  const { t } = useTranslation(["ticket", "desk"]);
  const [withImages, setWithImages] = useState(false);
  const path = `/api/ingest/messages/${message.id}/html?remote_images=${withImages}`;
  const page = useQuery({
    queryKey: ["mail", "original", message.id, withImages],
    // Asked for first: a frame could neither renew a session nor say that there is no such page. It is the very same
    // address, so that the frame finds it in the browser's cache.
    queryFn: async ({ signal }) => {
      const call = ingestion.GET("/api/ingest/messages/{message_id}/html", {
        params: { path: { message_id: message.id }, query: { remote_images: withImages } },
        parseAs: "text",
        signal,
      });
      await answer(call);
      const { response } = await call;
      return { leftOut: Number(response.headers.get("X-Images-Left-Out") ?? 0) };
    },
  });

  return (
    <div id={id} className="flex flex-col gap-2 pt-2">
      {page.isPending && <div role="status" aria-label={t("desk:common.loading")} className="shimmer h-40 w-full" />}
      {page.isError && (
        <p role="alert" className="text-sm text-ink-soft">
          {statusOf(page.error) === 404 ? t("original.none") : t("original.failed")}
        </p>
      )}
      {page.data && (
        <>
          {page.data.leftOut > 0 && (
            <div className="flex flex-wrap items-center gap-2 text-sm text-ink-soft">
              {t("original.imagesLeftOut", { count: page.data.leftOut })}
              <Button onClick={() => setWithImages(true)}>{t("original.showImages")}</Button>
            </div>
          )}
          <Frame key={path} path={path} title={t("original.title")} />
        </>
      )}
    </div>
  );
}

/** A page of nothing but text and images, as high as it needs to be. Written for paper: it stays light in the dark. */
function Frame({ path, title }: { path: string; title: string }) {
  const [height, setHeight] = useState(320);
  const observer = useRef<ResizeObserver | null>(null);
  useEffect(() => () => observer.current?.disconnect(), []);

  const measure = ({ currentTarget: frame }: SyntheticEvent<HTMLIFrameElement>) => {
    const root = frame.contentDocument?.documentElement;
    if (root) {
      observer.current = new ResizeObserver(() => setHeight(Math.min(root.offsetHeight, MOST_PIXELS)));
      observer.current.observe(root);
    }
  };
  return (
    <iframe
      title={title}
      src={path}
      sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
      referrerPolicy="no-referrer"
      onLoad={measure}
      style={{ height: height + 2 }}
      className="w-full rounded-md border border-line bg-[white] scheme-light"
    />
  );
}
