"""Names of domains, in the one form in which services compare them and write to them."""

import re
import unicodedata

import idna

# Labels that the domain name system has, RFC 1035 section 2.3.4; the underscore is nobody's host, but is written to.
_ASCII_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")


def domain_name(domain: str) -> str:
    """A domain in normal form: lower case, and ASCII where IDNA 2008 knows how (UTS 46, not transitional), or emoji.

    Not Python's own codec: it writes `straße.de` as `strasse.de` (IDNA 2003), which may be somebody else's.
    """
    lowered = unicodedata.normalize("NFC", domain.lower())
    if lowered.isascii():
        return lowered
    try:
        # The mapping makes dots of what stands for one, so that it comes before the labels.
        name = ".".join(_in_ascii(label) for label in idna.uts46_remap(lowered, std3_rules=False).split("."))
    except UnicodeError:
        return lowered
    # Compatibility characters become others, such as a slash.
    return name if _ASCII_NAME.fullmatch(name) else lowered


def _in_ascii(label: str) -> str:
    """A label that was mapped, as it is asked for. Raises UnicodeError where it has no such form."""
    # Many that IDNA 2008 would not register are there, with an underscore or two hyphens.
    if label.isascii():
        return label
    try:
        return idna.alabel(label).decode()
    except idna.InvalidCodepoint:
        # Registries that have emoji write them as IDNA 2003 did; what stands beside them keeps to the rules.
        others = "".join(character for character in label if unicodedata.category(character) != "So")
        if others:
            idna.check_label(others)
        return f"xn--{label.encode('punycode').decode()}"
