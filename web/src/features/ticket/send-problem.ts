import type { TFunction } from "i18next";
import { ApiError, statusOf } from "@/lib/api/problem.ts";

/** Why a message was not sent, with the assurance that it is still there. */
export function sendProblem(t: TFunction<["ticket", "desk"]>, error: Error): string {
  switch (statusOf(error)) {
    case null:
      return t("composer.unreachable");
    case 403:
      return t("desk:ticket.forbidden");
    default:
      return t("composer.failed", { reason: error instanceof ApiError ? error.message : "" });
  }
}
