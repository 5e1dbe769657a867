import type { TFunction } from "i18next";
import { fieldProblems, fieldProblemWords } from "@/features/ticket/edit-problems.ts";
import type { Translate } from "@/features/ticket/settings.ts";
import { ApiError, slugOf } from "@/lib/api/problem.ts";
import { type NewTicket, requesterOf } from "./new-ticket.ts";

type Words = TFunction<["newTicket", "desk", "panel"]>;

/** What is wrong, in words, by the place where it stands; own fields are called `fields.KEY`. */
export type Problems = ReadonlyMap<string, string>;

/** What has to be written before the ticket can be opened. */
export function missingIn(ticket: NewTicket, t: Words): Problems {
  const problems = new Map<string, string>();
  if (requesterOf(ticket) === null) {
    problems.set(
      "requester",
      t(ticket.requester.trim() === "" ? "problem.requesterMissing" : "problem.requesterUnread"),
    );
  }
  if (ticket.text.trim() === "") {
    problems.set("text", t("problem.textMissing"));
  }
  return problems;
}

/** What the server refused, where it can be told of a place. */
export function refusedIn(error: Error | null, t: Words): Problems {
  switch (slugOf(error)) {
    case "unknown-customer":
      return new Map([["requester", t("problem.unknownCustomer")]]);
    case "unknown-type":
      return new Map([["type", t("problem.unknownType")]]);
    case "fields-invalid":
      return new Map(
        [...fieldProblems(error)].map(([key, problem]) => [
          `fields.${key}`,
          fieldProblemWords(t as unknown as Translate, problem),
        ]),
      );
    case "validation": {
      const wrong = error instanceof ApiError ? (error.problem.errors ?? []) : [];
      return new Map(
        wrong.flatMap(({ loc, msg }) => {
          const [place, part] = loc.filter((each) => each !== "body").map(String);
          return place === undefined ? [] : [[placeOf(place, part), wordsOf(place, part, msg, t)]];
        }),
      );
    }
    default:
      return new Map();
  }
}

function placeOf(place: string, part: string | undefined): string {
  if (place === "requester") {
    return part === "name" ? "name" : "requester";
  }
  return place === "fields" ? `fields.${part}` : place === "type_key" ? "type" : place;
}

function wordsOf(place: string, part: string | undefined, message: string, t: Words): string {
  return place === "requester" && part !== "name"
    ? t("problem.requesterUnread")
    : t("problem.wrong", { reason: message });
}

/** Those of what was sent that still stands there: what was written anew is not wrong yet. */
export function still(problems: Problems, sent: NewTicket, now: NewTicket): Problems {
  return new Map([...problems].filter(([place]) => written(sent, place) === written(now, place)));
}

function written(ticket: NewTicket, place: string): string {
  const key = /^fields\.(.*)$/.exec(place)?.[1];
  return JSON.stringify(key === undefined ? ticket[place as keyof NewTicket] : ticket.fields[key]) ?? "";
}
