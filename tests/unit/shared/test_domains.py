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
        # What IDNA 2008 has no name for stays as it is.
        ("", ""),
        ("ä..org", "ä..org"),
        ("i❤.ws", "i❤.ws"),
    ],
)
def test_a_domain_has_one_name(written: str, name: str) -> None:
    assert domain_name(written) == name
