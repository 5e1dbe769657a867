"""Names of domains, in the one form in which services compare them and write to them."""

import unicodedata

import idna


def domain_name(domain: str) -> str:
    """A domain in normal form: lower case, and ASCII where IDNA 2008 knows how (UTS 46, not transitional).

    Not Python's own codec: it writes `straße.de` as `strasse.de` (IDNA 2003), which may be somebody else's.
    """
    lowered = unicodedata.normalize("NFC", domain.lower())
    if lowered.isascii():
        return lowered
    try:
        return idna.encode(lowered, uts46=True).decode()
    except UnicodeError:
        return lowered
