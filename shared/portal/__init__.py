"""Pages for customers that need neither an account nor JavaScript: what proves who reads them, and how they look."""

from shared.portal.links import FormPass, PortalLink, PortalSeal
from shared.portal.pages import MAX_PAGE_TEXT_CHARS, Pages, is_from_elsewhere, stylesheet

__all__ = [
    "MAX_PAGE_TEXT_CHARS",
    "FormPass",
    "Pages",
    "PortalLink",
    "PortalSeal",
    "is_from_elsewhere",
    "stylesheet",
]
