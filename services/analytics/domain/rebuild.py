"""How far a rebuild of the projections has come."""

from dataclasses import dataclass, replace
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Progress:
    """A rebuild walks the tickets in the order of their ids; all up to `after_ticket_id` are done.

    `corrected` counts tickets whose projection was not what the archive says.
    """

    id: int
    events_total: int
    after_ticket_id: UUID | None = None
    events: int = 0
    tickets: int = 0
    corrected: int = 0

    def past(self, last: UUID | None, *, tickets: int, events: int, corrected: int) -> "Progress":
        """The progress after one more batch, which ended with the ticket `last` or, where that is None, with all."""
        return replace(
            self,
            after_ticket_id=last or self.after_ticket_id,
            events=self.events + events,
            tickets=self.tickets + tickets,
            corrected=self.corrected + corrected,
        )
