import { Eye, PenLine, StickyNote } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Doing, Person } from "@/features/live/frames.ts";
import { useLive } from "@/features/live/live-provider.tsx";
import { Avatar } from "@/ui/avatar.tsx";
import { usePlace } from "./use-place.ts";

// What concerns most comes first.
const DOINGS = ["reply", "note", "reading"] as const satisfies readonly Doing[];
const SIGNS = { reply: PenLine, note: StickyNote, reading: Eye } as const;
const SHOWN_FACES = 4;

/** Who else is at this ticket, above where one would answer: two answers to one customer are one too many. */
export function Presence({ ticketId }: { ticketId: string }) {
  usePlace(ticketId);
  const { presence } = useLive();
  const people = presence?.ticket_id === ticketId ? presence.people : [];
  const isUrgent = people.some((person) => person.doing === "reply");

  return (
    <div role="status" className={people.length > 0 ? "border-t border-line px-4 py-1.5 lg:px-6" : ""}>
      {people.length > 0 && (
        <div
          className={`mx-auto flex max-w-180 items-center gap-3 text-sm ${isUrgent ? "text-warn" : "text-ink-soft"}`}
        >
          <span className="flex -space-x-1.5 rtl:space-x-reverse">
            {people.slice(0, SHOWN_FACES).map((person) => (
              <Avatar
                key={person.account_id}
                name={person.name}
                tone={person.doing === "reading" ? "neutral" : "note"}
              />
            ))}
          </span>
          <span className="flex min-w-0 flex-wrap gap-x-3">
            {DOINGS.map((doing) => (
              <Sentence key={doing} doing={doing} people={people.filter((person) => person.doing === doing)} />
            ))}
          </span>
        </div>
      )}
    </div>
  );
}

function Sentence({ doing, people }: { doing: Doing; people: readonly Person[] }) {
  const { t, i18n } = useTranslation("presence");
  if (people.length === 0) {
    return null;
  }
  const Sign = SIGNS[doing];
  // Isolated: a name in another script must not turn the sentence around.
  const names = new Intl.ListFormat(i18n.language).format(people.map((person) => `\u2068${person.name}\u2069`));
  return (
    <span className="flex min-w-0 items-center gap-1.5">
      <Sign aria-hidden className="size-4 shrink-0" />
      {t(doing, { names, count: people.length })}
    </span>
  );
}
