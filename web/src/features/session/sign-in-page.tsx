import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useClock } from "@/features/sla/clock.ts";
import { ApiError } from "@/lib/api/problem.ts";
import { Button } from "@/ui/button.tsx";
import { Wordmark } from "@/ui/wordmark.tsx";
import { isOfAnother, redeem, sessionQuery, signIn } from "./session.ts";

const FIELD = "h-10 w-full rounded-sm border border-control bg-surface px-3 text-base text-ink aria-invalid:border-bad";

/**
 * Where everything begins: e-mail, password, and one clear sentence when that did not work. Who comes by a mailed link
 * only has to press: programs that look into mails follow links, and it works once.
 */
export default function SignInPage() {
  const { t } = useTranslation();
  const { next, token } = useSearch({ from: "/sign-in" });
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const [blockedUntil, setBlockedUntil] = useState(0);
  const waitSeconds = useClock((now) => Math.max(0, Math.ceil((blockedUntil - now) / 1000)));

  const entry = useMutation({
    mutationFn: (form: FormData) =>
      token === undefined ? signIn(String(form.get("email")).trim(), String(form.get("password"))) : redeem(token),
    onSuccess: async () => {
      queryClient.clear();
      const session = await queryClient.fetchQuery(sessionQuery);
      if (isOfAnother(session)) {
        openAnew(next ?? "/");
      } else {
        await navigate({ href: next ?? "/", replace: true });
      }
    },
    onError: (error) => {
      if (error instanceof ApiError && error.retryAfterSeconds !== null) {
        setBlockedUntil(Date.now() + error.retryAfterSeconds * 1000);
      }
    },
  });

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    entry.mutate(new FormData(event.currentTarget));
  };

  useEffect(() => {
    document.title = `${t("signIn.title")} · Desk`;
  }, [t]);

  const isWrong = entry.error instanceof ApiError && entry.error.status === 401;
  return (
    <main className="grid min-h-full place-items-center p-4">
      <div className="w-full max-w-90 rounded-lg border border-line bg-surface p-8">
        <Wordmark />
        <h1 className="pt-6 pb-4 text-lg font-semibold">{t("signIn.title")}</h1>
        <form onSubmit={submit} className="flex flex-col gap-4">
          {token === undefined ? <Credentials isWrong={isWrong} /> : <p className="text-sm">{t("signIn.byLink")}</p>}
          <div role="alert" className="text-sm text-bad empty:hidden">
            {entry.isError && (
              <SignInError error={entry.error} waitSeconds={waitSeconds} isByLink={token !== undefined} />
            )}
          </div>
          <Button type="submit" look="primary" size="wide" disabled={entry.isPending || waitSeconds > 0}>
            {entry.isPending ? t("signIn.submitting") : t("signIn.submit")}
          </Button>
        </form>
      </div>
    </main>
  );
}

/** Opens a path of ours in a page that knows of nothing; one that browsers read as another site's opens the desk. */
function openAnew(path: string) {
  const { origin, href } = new URL(path, location.origin);
  location.replace(origin === location.origin ? href : "/");
}

function Credentials({ isWrong }: { isWrong: boolean }) {
  const { t } = useTranslation();
  return (
    <>
      <label className="flex flex-col gap-1 text-sm text-ink-soft">
        {t("signIn.email")}
        <input
          name="email"
          type="email"
          autoComplete="username"
          required
          dir="ltr"
          aria-invalid={isWrong}
          className={FIELD}
        />
      </label>
      <label className="flex flex-col gap-1 text-sm text-ink-soft">
        {t("signIn.password")}
        <input
          name="password"
          type="password"
          autoComplete="current-password"
          required
          dir="ltr"
          aria-invalid={isWrong}
          className={FIELD}
        />
      </label>
    </>
  );
}

function SignInError(props: { error: Error; waitSeconds: number; isByLink: boolean }) {
  const { error, waitSeconds, isByLink } = props;
  const { t } = useTranslation();
  if (!(error instanceof ApiError)) {
    return t("signIn.unreachable");
  }
  switch (error.status) {
    case 401:
      return t(isByLink ? "signIn.linkUsed" : "signIn.wrong");
    case 429:
      return waitSeconds > 0 ? t("signIn.tooMany", { count: waitSeconds }) : t("signIn.tooManyOver");
    default:
      return t("signIn.failed");
  }
}
