"""Every language's words are found in the middle of a text."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.knowledge.domain.terms import MAX_TERM_CHARACTERS, folded, indexed_terms, searched_terms

IN_THE_MIDDLE = [
    pytest.param("Bitte die Rechnung prüfen, danke", "rechnung", id="de"),
    pytest.param("Où est ma commande égarée ?", "EGAREE", id="fr-accents"),
    pytest.param("Die Straße ist gesperrt", "STRASSE", id="de-sharp-s"),
    pytest.param("मेरी शिकायत अभी तक दर्ज नहीं हुई", "शिकायत", id="hi"),
    pytest.param("আমি আমার টাকা ফেরত চাই", "ফেরত", id="bn"),
    pytest.param("أريد استرداد الفاتورة الأخيرة من فضلك", "فاتورة", id="ar-article"),
    pytest.param("أُرِيدُ الْفَاتُورَةَ الآن", "الفاتوره", id="ar-vowel-points"),
    pytest.param("ฉันต้องการเงินคืนภายในสัปดาห์นี้", "เงินคืน", id="th"),
    pytest.param("我昨天在网上申请退款但是没有收到", "退款", id="zh"),
    pytest.param("我昨天在网上申请退款但是没有收到", "款", id="zh-one-character"),
    pytest.param("注文したガラスのコップが届きません", "コップ", id="ja"),
    pytest.param("주문한 환불 요청이 처리되지 않았습니다", "환불", id="ko"),
    pytest.param("Где мой заказ, ещё не пришёл", "еще", id="ru-yo"),
    pytest.param("ขอเงินคืนสำหรับ iPhone ของฉัน", "iphone", id="th-with-latin"),
    pytest.param("order ＡＢＣ１２３ is missing", "abc123", id="full-width"),
]


@pytest.mark.parametrize(("text", "word"), IN_THE_MIDDLE)
def test_a_word_in_the_middle_of_a_text_is_found(text: str, word: str) -> None:
    assert set(searched_terms(word)) <= set(indexed_terms(text))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("आप कैसे हैं", "केसे"),  # another vowel is another word
        ("ฉันต้องการเงินคืน", "สวัสดี"),
        ("我昨天申请退货", "退款"),
        ("আমার টাকা", "টিকা"),
        ("no such thing", "some"),
    ],
)
def test_another_word_is_not_found(text: str, word: str) -> None:
    assert not set(searched_terms(word)) <= set(indexed_terms(text))


@pytest.mark.parametrize("text", [param.values[0] for param in IN_THE_MIDDLE])
def test_composed_and_decomposed_spellings_are_equal(text: str) -> None:
    assert indexed_terms(unicodedata.normalize("NFD", text)) == indexed_terms(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize("word", ["رسالتكم", "مطالبات", "استقالتها"])
def test_an_arabic_word_keeps_what_looks_like_the_article_in_its_middle(word: str) -> None:
    """The article was cut out anywhere: "رسالتكم" (your message) was found as "رستكم", which is no word."""
    assert searched_terms(word) == [word]


def test_a_hindi_word_is_one_term() -> None:
    """PostgreSQL's parser tore words at vowel signs and found "शिकायत" for "शक"; here a word stays whole."""
    assert searched_terms("शिकायत") == ["शिकायत"]


def test_invisible_joiners_do_not_matter() -> None:
    assert searched_terms("श\u200dिकायत") == searched_terms("शिकायत")


def test_punctuation_alone_asks_for_nothing() -> None:
    assert searched_terms(" ?!… \x00") == []


@given(st.text())
@example("İ")
@example("ſ\u0301")
@example("\u0345α")
@example("ﷺ")
def test_folding_again_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text())
def test_terms_are_safe_to_quote_and_short(text: str) -> None:
    for term in [*indexed_terms(text), *searched_terms(text)]:
        assert term
        assert len(term) <= MAX_TERM_CHARACTERS
        assert all(character.isalnum() or unicodedata.category(character)[0] == "M" for character in term)


@given(st.text(min_size=1), st.text(), st.text())
@example("\u1067", "", "")  # a vowel sign on a space, or on nothing at all
def test_words_between_spaces_are_found(word: str, before: str, after: str) -> None:
    assert set(searched_terms(word)) <= set(indexed_terms(f"{before} {word} {after}"))
