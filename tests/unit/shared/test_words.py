"""Every language's words are found in the middle of a text, and only where they are."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import shared.words
from shared.tsvectors import MAX_PLACE, MAX_PLACES, MAX_VECTOR_BYTES, Vector, marked, tsquery
from shared.words import (
    MAX_WORD_CHARACTERS,
    Asked,
    Sought,
    asked,
    covering,
    folded,
    is_of_letters,
    with_any_letter,
    words,
)


def found(text: str, query: str, *, beginning: bool = False) -> bool:
    """What PostgreSQL does with both: words at their places, side by side."""
    there = [word.folded for word in words(text)]
    wanted = asked(query, beginning=beginning)
    for start in range(len(there)):
        place = start
        for one in wanted:
            if place >= len(there):
                break
            if not (there[place].startswith(one.folded) if one.beginning else there[place] == one.folded):
                break
            place += one.step
        else:
            return bool(wanted)
    return False


IN_THE_MIDDLE = [
    pytest.param("Bitte die Rechnung prüfen, danke", "rechnung", id="de"),
    pytest.param("Où est ma commande égarée ?", "EGAREE", id="fr-accents"),
    pytest.param("Die Straße ist gesperrt", "STRASSE", id="de-sharp-s"),
    pytest.param("El pingüino no llegó a España", "llego a espana", id="es-phrase"),
    pytest.param("İstanbul'a kargo gelmedi", "istanbul", id="tr-dotted"),
    pytest.param("मेरी शिकायत अभी तक दर्ज नहीं हुई", "शिकायत", id="hi"),
    pytest.param("মেইলটি আমি আমার টাকা ফেরত চাই", "টাকা ফেরত", id="bn-phrase"),
    pytest.param("أريد استرداد الفاتورة الأخيرة من فضلك", "فاتورة", id="ar-article"),
    pytest.param("أُرِيدُ الْفَاتُورَةَ الآن", "الفاتوره", id="ar-vowel-points"),
    pytest.param("לפני שבועיים הזמנתי", "שָׁבוּעַיִים", id="he-vowel-points"),
    pytest.param("سفارش من هنوز نرسيده", "نرسیده", id="fa-yeh"),
    pytest.param("ฉันต้องการเงินคืนภายในสัปดาห์นี้", "เงินคืน", id="th"),
    pytest.param("ຂ້ອຍຕ້ອງການເງິນຄືນ", "ເງິນ", id="lo"),
    pytest.param("ខ្ញុំចង់បានប្រាក់សងវិញ", "ប្រាក់", id="km"),
    pytest.param("ငွေပြန်အမ်းချင်ပါတယ်", "ပြန်", id="my"),
    pytest.param("我昨天在网上申请退款但是没有收到", "退款", id="zh"),
    pytest.param("我昨天在网上申请退款但是没有收到", "款", id="zh-one-character"),
    pytest.param("我昨天在网上申请退款但是没有收到", "到", id="zh-last-character"),
    pytest.param("注文したガラスのコップが届きません", "コップ", id="ja"),
    pytest.param("주문한 환불 요청이 처리되지 않았습니다", "요청", id="ko-before-a-particle"),
    pytest.param("주문한 환불 요청이 처리되지 않았습니다", "주문한 환불 요청", id="ko-phrase"),
    pytest.param("Где мой заказ, ещё не пришёл", "еще не", id="ru-yo"),
    pytest.param("ขอเงินคืนสำหรับ iPhone ของฉัน", "iphone ของ", id="th-with-latin"),
    pytest.param("order ＡＢＣ１２３ is missing", "abc123", id="full-width"),
    pytest.param("Invoice INV-2026/0017 is wrong", "inv-2026/0017", id="a-number-with-signs"),
    pytest.param("write to ana.lopez@example.org", "ana.lopez@example.org", id="an-address"),
]


@pytest.mark.parametrize(("text", "query"), IN_THE_MIDDLE)
def test_what_is_written_is_found(text: str, query: str) -> None:
    assert found(text, query)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("आप कैसे हैं", "केसे"),  # another vowel is another word
        ("ฉันต้องการเงินคืน", "สวัสดี"),
        ("我昨天申请退货", "退款"),
        ("退货以后付款", "退款"),  # both letters are there, but not side by side
        ("আমার টাকা", "টিকা"),
        ("no such thing", "some"),
        ("refund the late order", "late refund"),
        ("주문한 것 환불", "주문한 환불"),
        ("INV-2026/0018", "INV-2026/0017"),
    ],
)
def test_what_is_not_written_is_not_found(text: str, query: str) -> None:
    assert not found(text, query)


@pytest.mark.parametrize("text", [param.values[0] for param in IN_THE_MIDDLE])
def test_composed_and_decomposed_spellings_are_equal(text: str) -> None:
    composed, decomposed = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert [word.folded for word in words(composed)] == [word.folded for word in words(decomposed)]


def test_words_know_where_they_stand() -> None:
    text = "Où, STRASSE ｶﾞﾗｽ 9!"
    assert [(word.folded, text[word.start : word.end]) for word in words(text)] == [
        ("ou", "Où"),
        ("strasse", "STRASSE"),
        ("ガラ", "ｶﾞﾗ"),
        ("ラス", "ﾗｽ"),
        ("ス", "ｽ"),
        ("9", "9"),
    ]


@pytest.mark.parametrize("word", ["رسالتكم", "مطالبات", "استقالتها"])
def test_an_arabic_word_keeps_what_looks_like_the_article_in_its_middle(word: str) -> None:
    """The article was cut out anywhere: "رسالتكم" (your message) was found as "رستكم", which is no word."""
    assert [one.folded for one in asked(word)] == [word]


def test_a_hindi_word_stays_whole() -> None:
    """PostgreSQL's parser tore words at vowel signs and found "शिकायत" for "शक"."""
    assert [one.folded for one in asked("शिकायत")] == ["शिकायत"]


def test_invisible_joiners_do_not_matter() -> None:
    assert asked("श\u200dिकायत") == asked("शिकायत")


def test_a_beginning_finds_what_goes_on() -> None:
    assert found("unrefundable refunded", "refun", beginning=True)
    assert not found("unrefundable refunded", "refun")


def test_signs_alone_ask_for_nothing() -> None:
    assert asked(" ?!… \x00") == []
    assert tsquery(asked("?")) == ""


def test_database_forms() -> None:
    vector = Vector()
    vector.add("Late refund", "A")
    vector.add("late 退款", "B")
    vector.mark("d1")
    assert str(vector) == "'late':1A,4B 'refund':2A '退款':5B '款':6B '#d1'"
    assert tsquery(asked("late 退款 re", beginning=True)) == "'late' <1> '退款' <2> 're':*"
    assert tsquery(asked("late re", beginning=True), "AB") == "'late':AB <1> 're':*AB"
    assert marked(["d1", "d2"]) == "'#d1' | '#d2'"


def test_a_vector_stays_within_what_postgresql_takes() -> None:
    vector = Vector()
    vector.add("a " * (MAX_PLACE + 5))
    assert str(vector).count(",") == MAX_PLACES - 1
    vector.add("b")
    assert str(vector).endswith(f"'b':{MAX_PLACE}D")
    for number in range(20):
        vector.add(" ".join(f"{number:02}{word:058}" for word in range(1000)))
    assert MAX_VECTOR_BYTES * 0.9 < len(str(vector)) < MAX_VECTOR_BYTES * 1.2


@pytest.mark.parametrize(
    ("text", "queries", "wanted"),
    [
        ("Où est ma COMMANDE égarée ?", ["egaree", "commande"], ["COMMANDE", "égarée"]),
        ("我昨天在网上申请退款但是没有收到", ["退款", "申请"], ["申请退款"]),
        ("refund, late refund", ["late refund"], ["late refund"]),
        ("shipping and shipped", ["ship"], ["shipping", "shipped"]),
        ("nothing here", ["late"], []),
    ],
)
def test_what_was_found_is_shown_where_it_stands(text: str, queries: list[str], wanted: list[str]) -> None:
    sequences = [asked(query, beginning=True) for query in queries]
    assert [text[start:end] for start, end in Sought(sequences).places(text)] == wanted


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我们要求重新发送密码邮件", "重心发送"),
        ("업데이트 후에", "업대이트"),
        ("ยกเลิกสมาชิกก่อนต่ออายุ", "สมาชิค"),
        ("เปิดตะกร้า", "ตะกรา"),
        ("アップデートしてから", "アップデイト"),
    ],
)
def test_in_scripts_without_spaces_a_letter_may_be_unknown(text: str, query: str) -> None:
    assert not found(text, query)
    assert [found(text, one) for one in with_any_letter(query)].count(True) == 1
    assert not any(found(text[::-1], one) for one in with_any_letter(query))


def test_short_words_and_spaced_ones_have_no_unknown_letters() -> None:
    assert [with_any_letter(word) for word in ("退款吧", "refund", "退款 refund", "")] == [[], [], [], []]


def test_of_a_long_text_the_first_place_is_shown_with_its_neighbourhood() -> None:
    text = "où late " + "x " * 50 + "late " + "x " * 500 + "late"
    assert Sought([asked("late")]).places(text, within=200) == [(3, 7), (108, 112)]


def test_an_excerpt_of_a_text_without_spaces_is_not_looked_for_in_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folding a page of Thai messages whole took eighty milliseconds."""
    text = "ไม่" * 500 + "เงินคืน" + "ได้" * 1500
    folded_letters: list[str] = []
    letter = shared.words._letter

    def counted(cluster: str) -> tuple[str, bool]:
        folded_letters.append(cluster)
        return letter(cluster)

    monkeypatch.setattr("shared.words._letter", counted)
    assert Sought([asked("เงินคืน")]).places(text, within=20) == [(1500, 1507)]
    assert len(folded_letters) < 40


class _WithoutAGlance(Sought):
    def _glance(self, _text: str) -> int:
        return 0


_UNSPACED = st.text("กขไเ่้ํ中文件がか゛한x ,", max_size=24)


@given(_UNSPACED, st.lists(_UNSPACED, max_size=3), st.booleans())
@example(text="中文件 中文", queries=["文件 中"], beginning=False)
@example(text="กก้กก", queries=["กก"], beginning=False)
def test_a_glance_at_a_text_without_spaces_misses_nothing(text: str, queries: list[str], beginning: bool) -> None:
    queries += [one for query in queries for one in with_any_letter(query)]
    sequences = [asked(query, beginning=beginning) for query in queries]
    assert Sought(sequences).places(text) == _WithoutAGlance(sequences).places(text)


@given(st.text("กขไเ่中文件한x ", max_size=12))
@example("退款申请吧")
def test_what_covers_a_text_with_a_letter_unknown_is_of_its_words(query: str) -> None:
    for one in with_any_letter(query):
        sequence = asked(one)
        known = {letter for each in covering(sequence) for letter in each.folded}
        assert set(covering(sequence)) <= set(sequence)
        alone = {letter for each in sequence if each.beginning for letter in each.folded}
        assert {letter for each in sequence for letter in each.folded} - alone <= known


@given(st.text(st.characters(min_codepoint=0x30, max_codepoint=0xDFF)))
@example("İstanbul'a ΣΊΣΥΦΟΣ ещё")
@example("\u09c7\u09be \u0928\u093c क\u0300 x\u0941")
def test_common_words_are_folded_at_once_as_they_are_letter_by_letter(text: str) -> None:
    assert [word.folded for word in words(text)] == [one.folded for one in asked(text)]


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0xDFF)))
@example("x\u0941y, Où «Été» الْفَاتُورَةَ الفاتورة؟ आदेश।")
@example("ſ ª µ ﬁ 2² ½")
def test_every_word_of_a_text_is_found_in_it(text: str) -> None:
    """Whatever is told at a glance."""
    for word in words(text):
        assert Sought([[Asked(word.folded)]]).places(text)


def test_numbers_and_pairs_of_letters_are_no_words_that_are_inflected() -> None:
    assert is_of_letters("शिकायत")
    assert not is_of_letters("2026a")
    assert not is_of_letters("退款")


@given(st.text())
@example("İ")
@example("ſ\u0301")
@example("\u0345α")
@example("ﷺ")
@example("ﾞ")
@example("각")
@example("\u33e0")
def test_folding_again_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text())
def test_words_are_safe_and_bounded(text: str) -> None:
    """What goes into a tsvector is letters, marks and digits: nothing in a message is ever syntax."""
    for word in words(text):
        assert word.folded
        assert len(word.folded) <= MAX_WORD_CHARACTERS
        assert all(c.isalnum() or unicodedata.category(c).startswith("M") for c in word.folded)
        assert 0 <= word.start < word.end <= len(text)


@given(st.text(min_size=1))
def test_every_text_has_itself(text: str) -> None:
    assert not asked(text) or found(text, text)
