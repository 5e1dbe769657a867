"""Whether people still write about the same thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.subjects import has_drifted


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("Printer on fire", "Re: Printer on fire"),
        ("Printer on fire", "AW: AW: printer"),
        ("Drucker brennt", "WG: Der Drucker raucht wieder"),
        ("Factura equivocada", "RV: FACTURA 2026-01"),
        ("प्रिंटर खराब है", "पुन: प्रिंटर अब भी बंद"),
        ("প্রিন্টার নষ্ট", "উত্তর: প্রিন্টার এখনও নষ্ট"),
        ("الفاتورة خاطئة", "رد: الفاتورة"),
        ("プリンターが燃えている", "返信: プリンター"),
        ("打印机着火了", "回复：打印机"),
        ("Café fermé", "TR: cafe"),
        ("Printer on fire", ""),
        ("", "Invoice"),
        ("Printer on fire", "?!"),
    ],
)
def test_the_same_matter(before: str, now: str) -> None:
    assert not has_drifted(before, now)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("Printer on fire", "Invoice for March"),
        ("Printer on fire", "Re: Invoice for March"),
        ("Drucker brennt", "Rechnung fehlt"),
        ("Impresora rota", "Factura de marzo"),
        ("प्रिंटर खराब है", "मार्च का बिल"),
        ("প্রিন্টার নষ্ট", "মার্চের বিল"),
        ("الطابعة معطلة", "فاتورة مارس"),
        ("プリンターが燃えている", "三月の請求書"),
        ("打印机着火了", "三月发票"),
    ],
)
def test_another_matter(before: str, now: str) -> None:
    assert has_drifted(before, now)


@given(st.text(max_size=50), st.text(max_size=50))
def test_drifting_apart_is_mutual_and_nothing_drifts_from_what_it_holds(one: str, other: str) -> None:
    assert has_drifted(one, other) == has_drifted(other, one)
    assert not has_drifted(one, f"{one} {other}")
