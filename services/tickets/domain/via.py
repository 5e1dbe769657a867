"""Through what a change of a ticket came."""

from enum import StrEnum


class Via(StrEnum):
    """Through what a change came, beside who made it and why.

    `web` is an agent's session, `portal` a customer's, `api` an API key. What customers sent is named by the channel of
    their message. `bulk` is a job over many tickets, `import` what another desk had written. `system` is the desk
    itself upon what another part of it told; `timer` the desk when the time had come, also for a reply to leave.
    """

    WEB = "web"
    PORTAL = "portal"
    API = "api"
    EMAIL = "email"
    FORM = "form"
    CHAT = "chat"
    EVENT = "event"
    PHONE = "phone"
    BULK = "bulk"
    IMPORT = "import"
    SYSTEM = "system"
    TIMER = "timer"
