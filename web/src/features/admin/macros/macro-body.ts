import { LOCALES } from "@/app/i18n.ts";
import type { Macro, MacroBody } from "@/lib/api/types.ts";
import { listOf } from "@/lib/lists.ts";

type Actions = NonNullable<MacroBody["actions"]>;

const MINUTES = 60;

/** What the form says. What it does not show (own fields, urgency, formatted texts in other languages) stays. */
export function macroFrom(form: FormData, before: Macro | null): MacroBody {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const some = (name: string) => text(name) || null;
  const visibility = text("visibility") as MacroBody["visibility"];
  const texts = textsFrom(form, before);
  const languages = Object.keys(texts);
  const wanted = text("default_language");
  const hours = Number(text("snooze"));
  return {
    name: text("name"),
    shortcut: some("shortcut"),
    description: text("description"),
    active: form.get("active") === "on",
    position: before?.position ?? 0,
    visibility,
    groups: visibility === "groups" ? listOf(form.get("groups")) : [],
    writes: text("writes") as MacroBody["writes"],
    texts,
    default_language: languages.includes(wanted) ? wanted : (languages[0] ?? null),
    actions: {
      ...emptyActions,
      ...before?.actions,
      // A status or a type is chosen by its own key: categories are the keys of those there from the start.
      status: null,
      status_key: some("status"),
      type: null,
      type_key: some("type"),
      priority: (some("priority") as Actions["priority"]) ?? null,
      group: some("group"),
      assignee: some("assignee"),
      add_tags: listOf(form.get("add_tags")),
      remove_tags: listOf(form.get("remove_tags")),
      snooze_minutes: hours > 0 ? Math.round(hours * MINUTES) : null,
      follow: form.get("follow") === "on",
    },
  };
}

const emptyActions: Actions = { add_tags: [], remove_tags: [], fields: {}, follow: false };

/** A text that was formatted elsewhere stays so while nobody changes it here. */
function textsFrom(form: FormData, before: Macro | null): NonNullable<MacroBody["texts"]> {
  const kept = Object.entries(before?.texts ?? {}).filter(([language]) => !(language in LOCALES));
  const written = Object.keys(LOCALES).flatMap((language) => {
    const source = String(form.get(`text.${language}`) ?? "");
    const old = before?.texts?.[language];
    if (source.trim() === "") {
      return [];
    }
    return [[language, old?.html != null ? { html: source } : { text: source }] as const];
  });
  return Object.fromEntries([...kept, ...written]);
}

/** The hours that a macro puts a ticket off. */
export function hoursOf(macro: Macro | null): number | undefined {
  const minutes = macro?.actions?.snooze_minutes;
  return minutes ? minutes / MINUTES : undefined;
}
