"""A domain is one name, however it is written, and never somebody else's."""

import pytest

from shared.domains import domain_name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Example.COM", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        # By IDNA 2003 these are the domains strasse.de and φάνησ.example.
        ("straße.de", "xn--strae-oqa.de"),
        ("φάνης.example", "xn--hxawrvq.example"),
        # One label that IDNA 2008 would not register, and no mail went to the whole name.
        ("foo_bar.straße.de", "foo_bar.xn--strae-oqa.de"),
        ("r3---sn.ü。de.", "r3---sn.xn--tda.de."),
        # Emoji are what registries that have them say, with nothing beside them that is not allowed.
        ("I❤\ufe0f.ws", "xn--i-7iq.ws"),
        ("💩.ü.la", "xn--ls8h.xn--tda.la"),
        ("א1a❤.ws", "א1a❤.ws"),
        ("❤\u200d❤.ws", "❤\u200d❤.ws"),
        # What nothing has a name for stays as it is.
        ("", ""),
        ("ä..org", "ä..org"),
        ("aא.de", "aא.de"),
        (f"{'❤' * 60}.ws", f"{'❤' * 60}.ws"),
        # Mapped, these have a slash and a comma.
        ("a℀b.ü.de", "a℀b.ü.de"),
        ("a，b.ü.de", "a，b.ü.de"),
    ],
)
def test_a_domain_has_one_name(written: str, name: str) -> None:
    assert domain_name(written) == name
