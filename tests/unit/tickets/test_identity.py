"""An address has one normal form, and what was stored in an earlier one is still looked for."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.tickets.domain.customers import BLANKS, emptied, filled
from services.tickets.domain.identity import KINDS, IdentityKind, identity, of_any_kind, require_usable
from services.tickets.domain.organisations import organisation_domain

SAME: list[tuple[IdentityKind, list[str]]] = [
    ("email", ["ana@example.com", " Ana@Example.COM "]),
    ("email", ["ana@xn--bcher-kva.example", "ana@bücher.example", "ANA@BÜCHER.example", "ana@bu\u0308cher.example"]),
    ("email", ["ana@xn--fa-hia.de", "ana@faß.de"]),
    ("email", ["ана@xn--e1afmkfd.example", "АНА@пример.example"]),
    ("email", ["josé@example.com", "jose\u0301@example.com"]),
    ("email", ["ana@example.com", "ana@ｅxample。com"]),
    ("phone", ["+4930123456", "+49 30 123456", "+49 (0)30 / 12 34-56", "030 123456", "0049 30 123456"]),
    ("phone", ["+4930123456;ext=7", "+49 30 123456 ext. 7"]),
    ("phone", ["+390612345678", "+39 06 1234 5678"]),
    ("phone", ["+911123456789", "+९१ ११ २३४५ ६७८९"]),
    ("handle", ["telegram:ana", "Telegram:@Ana"]),
    ("handle", ["whatsapp:+4930123456", "WhatsApp:+49 30 123456"]),
    ("external", ["crm:4711", " CRM : 4711 "]),
]
APART: list[tuple[IdentityKind, str, str]] = [
    ("email", "ana@fass.de", "ana@faß.de"),
    ("phone", "+4930123456", "+4930123456;ext=7"),
    ("handle", "Ana", "ana"),
    ("handle", "chat:Ana", "chat:ana"),
    ("external", "crm:a", "crm:A"),
]

_parts = st.text(max_size=12)
_addresses = st.one_of(
    st.text(max_size=40),
    st.builds("{}@{}.{}".format, _parts, _parts, _parts),
    st.from_regex(r"\+?[0-9 ()./-]{0,20}( ext\.? ?[0-9]{1,6})?", fullmatch=True),
    st.builds("{}:{}".format, st.sampled_from(["x", "Telegram", "whatsapp", "crm", "odd"]), _parts),
)


@pytest.mark.parametrize(("kind", "forms"), SAME)
def test_spellings_of_one_address_are_one_identity(kind: IdentityKind, forms: list[str]) -> None:
    made = [identity(kind, form, region="DE") for form in forms]
    assert {one.address for one in made} == {forms[0]}
    assert len(set(made)) == 1


@pytest.mark.parametrize(("kind", "one", "other"), APART)
def test_other_addresses_stay_apart(kind: IdentityKind, one: str, other: str) -> None:
    assert identity(kind, one) != identity(kind, other)


def test_a_number_without_a_country_code_is_of_the_region_or_stays() -> None:
    assert identity("phone", "020 7946 0958", region="GB").address == "+442079460958"
    assert identity("phone", "020 7946 0958").address == "02079460958"


@given(st.sampled_from(KINDS), _addresses, st.sampled_from([None, "DE", "US", "IN", "IT"]))
@example("email", "İ@İ.example", None)
@example("phone", "+1 (800) FLOWERS", "US")
@example("email", "a@\u0130\u0307", None)
def test_a_normal_form_is_its_own_normal_form(kind: IdentityKind, address: str, region: str | None) -> None:
    once = identity(kind, address, region=region)
    assert identity(kind, once.address, region=region) == once
    assert identity(kind, f"  {address}\t", region=region) == once


@given(st.sampled_from(KINDS), _addresses)
def test_the_former_form_is_looked_for_too(kind: IdentityKind, address: str) -> None:
    """As it was made before there were libraries for it; customers were stored so."""
    former = address.strip()
    if kind == "email":
        former = former.lower()
    elif kind == "phone":
        former = "".join(former.split())
    if kind != "external":
        assert former in identity(kind, address).forms


def test_an_address_of_no_kind_may_be_of_any() -> None:
    assert {one.kind: one.address for one in of_any_kind("+49 30 123456")}["phone"] == "+4930123456"


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("email", "ana"),
        ("email", "ana@b@example.com"),
        ("email", "ana b@example.com"),
        ("phone", "12"),
        ("phone", "030 123456"),
        ("handle", ""),
        ("external", "4711"),
        ("external", ":4711"),
    ],
)
def test_what_nobody_can_have_meant_is_refused(kind: IdentityKind, address: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        require_usable(identity(kind, address))


def test_domains_of_organisations() -> None:
    assert organisation_domain(" @Bücher.Example. ") == "xn--bcher-kva.example"
    for refused in ("gmail.com", "GMX.de", "localhost", "a b.com", "-a.com", "", "a@b.com", "x." * 130 + "com"):
        with pytest.raises(ValueError, match=r"is not a domain|mail provider"):
            organisation_domain(refused)


_profiles = st.fixed_dictionaries({name: st.sampled_from([blank, "a", "b"]) for name, blank in BLANKS.items()})


@given(_profiles, _profiles)
def test_what_was_filled_in_is_taken_out_again(into: dict[str, str], other: dict[str, str]) -> None:
    filling = filled(into, other)
    together = into | filling
    assert all(together[name] in {into[name], other[name]} for name in BLANKS)
    assert all(together[name] == into[name] for name, blank in BLANKS.items() if into[name] != blank)
    assert together | emptied(together, filling) == into
