"""Languages of short texts, by the models that ship in the packages, and the arithmetic that pools them."""

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.detector import Detector, Sample
from services.routing.domain.language import ABSTAINED, Verdict, certain, long_enough, pool, primary_subtag, readable

DESK = frozenset({"en", "de", "es", "fr", "hi", "bn", "pt"})

TEXTS = [
    ("en", "I was charged twice this month, please refund one of them."),
    ("en", "My parcel has not arrived"),
    ("de", "Ich kann mich seit heute Morgen nicht mehr anmelden."),
    ("de", "Wo bleibt meine Bestellung?"),
    ("fr", "Bonjour, ma facture contient une erreur."),
    ("es", "No puedo entrar en mi cuenta desde ayer"),
    ("it", "Non riesco ad accedere al mio account, potete aiutarmi?"),
    ("pt", "Não consigo entrar na minha conta, podem me ajudar?"),
    ("nl", "Mijn bestelling is nog steeds niet aangekomen."),
    ("pl", "Nie mogę się zalogować na swoje konto."),
    ("tr", "Hesabıma giriş yapamıyorum, yardım eder misiniz?"),
    ("ru", "Я не могу войти в свой аккаунт"),
    ("uk", "Я не можу увійти до свого облікового запису"),
    ("ar", "لا أستطيع تسجيل الدخول إلى حسابي"),
    ("hi", "मेरा खाता काम नहीं कर रहा है"),
    ("bn", "আমার অ্যাকাউন্টে লগইন করতে পারছি না"),
    ("th", "ฉันเข้าสู่ระบบไม่ได้"),
    ("ja", "パスワードを忘れました"),
    ("ko", "비밀번호를 잊어버렸어요"),
    ("zh", "请帮我重置密码"),
    ("vi", "Tôi không thể đăng nhập vào tài khoản của mình"),
    ("sv", "Jag kan inte logga in på mitt konto"),
    ("el", "Δεν μπορώ να συνδεθώ στον λογαριασμό μου"),
    ("he", "אני לא מצליח להתחבר לחשבון שלי"),
    ("id", "Saya tidak bisa masuk ke akun saya"),
]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


async def identify(detector: Detector, text: str, requester: str | None = None) -> str | None:
    [verdict] = await detector.identify([Sample(readable("", text), requester)], desk=DESK)
    return verdict.language


@pytest.mark.parametrize(("language", "text"), TEXTS)
async def test_the_language_of_a_short_text(detector: Detector, language: str, text: str) -> None:
    assert await identify(detector, text) == language


@pytest.mark.parametrize(
    "text", ["", "Hi", "OK", "12345", "🙂🙂🙂", "#A-1029", "https://example.com/order/7", "???", "1 2 3"]
)
async def test_it_abstains_where_there_is_nothing_to_tell_by(detector: Detector, text: str) -> None:
    assert await identify(detector, text) is None


async def test_it_abstains_on_a_language_in_letters_it_does_not_know_it_by(detector: Detector) -> None:
    """Romanised Hindi looks like Italian to one model and like Hausa to the other."""
    assert await identify(detector, "Mera account login nahi ho raha hai", "hi") in {None, "hi"}


async def test_the_requesters_language_tips_what_is_close(detector: Detector) -> None:
    danish, norwegian = [
        (await detector.identify([Sample("Jeg kan ikke logge ind", language)], desk=()))[0] for language in ("da", "no")
    ]
    assert danish.language == "da"
    assert danish.confidence > norwegian.confidence or norwegian.language == "no"


async def test_a_batch_keeps_its_order(detector: Detector) -> None:
    samples = [Sample(readable("", text)) for _, text in TEXTS * 4]
    verdicts = await detector.identify(samples, desk=DESK)
    assert [verdict.language for verdict in verdicts] == [language for language, _ in TEXTS * 4]


async def test_models_are_loaded_and_used_without_any_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert await identify(Detector(), "Ich kann mich nicht anmelden.") == "de"


DISTRIBUTION = st.dictionaries(st.sampled_from(["en", "de", "fr", "nl", "zxx"]), st.floats(0, 1), max_size=5)


@given(first=DISTRIBUTION, second=DISTRIBUTION)
def test_pooling_answers_with_a_probability_and_never_with_no_language(
    first: dict[str, float], second: dict[str, float]
) -> None:
    verdict = pool(first, second, requester=None, desk=())
    assert 0 <= verdict.confidence <= 1 + 1e-9
    assert verdict.language in {None, "en", "de", "fr", "nl"}


def test_either_identifier_can_veto() -> None:
    assert pool({"de": 0.99}, {"de": 0.99}, requester=None, desk=()).language == "de"
    assert pool({"de": 0.9, "nl": 0.1}, {"nl": 0.9, "de": 0.1}, requester=None, desk=()).confidence < 0.8


LONG = "Where has my parcel been since Monday?"


@pytest.mark.parametrize(
    ("text", "second", "requester", "verdict"),
    [
        (LONG, {"en": 0.97, "de": 0.01}, None, Verdict("en", 0.97)),
        (LONG, {"en": 0.97}, "en", Verdict("en", 0.97)),
        (LONG, {"nb": 1.00004}, "no", Verdict("no", 1.0)),
        (LONG, {"en": 0.94}, "en", None),
        ("Where is it?", {"en": 0.99}, "en", None),
        (LONG, {"en": 0.99}, "de", None),
        (LONG, {"zxx": 0.99}, None, None),
        (LONG, {}, None, None),
    ],
)
def test_one_identifier_is_enough_where_it_leaves_no_doubt(
    text: str, second: dict[str, float], requester: str | None, verdict: Verdict | None
) -> None:
    assert certain(text, second, requester=requester) == verdict


async def test_the_dearer_identifier_is_asked_only_in_doubt(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    likely = detector._bayes.likely
    monkeypatch.setattr(detector._bayes, "likely", lambda text: asked.append(text) or likely(text))
    assert await identify(detector, TEXTS[2][1]) == "de"
    assert asked == []
    assert await identify(detector, "Wo ist es denn?") == "de"
    assert asked == ["Wo ist es denn?"]


def test_the_prior_raises_what_is_expected() -> None:
    first = second = {"da": 0.5, "no": 0.5}
    assert pool(first, second, requester="no", desk=()).language == "no"
    assert pool(first, second, requester=None, desk=("da",)).language == "da"


def test_nothing_to_pool_is_no_answer() -> None:
    assert pool({}, {"zxx": 1.0}, requester=None, desk=()) == ABSTAINED


@pytest.mark.parametrize(
    ("tag", "expected"), [("pt-BR", "pt"), ("EN_us", "en"), ("zh-Hant-TW", "zh"), ("yue", "zh"), ("nb", "no")]
)
def test_tags_fold_into_the_language_a_desk_staffs(tag: str, expected: str) -> None:
    assert primary_subtag(tag) == expected


def test_addresses_codes_and_quotes_say_nothing_about_the_language() -> None:
    text = "Wo ist A-1029?\n> On Monday you wrote to us\nhttps://example.com anna@example.com"
    assert readable("", text) == "Wo ist ?"


def test_a_number_takes_nothing_of_a_sentence_without_spaces() -> None:
    assert readable("", "我的订单A1029还没有到") == "我的订单 还没有到"


def test_the_subject_counts_only_where_the_text_is_short() -> None:
    long_text = "Ich kann mich seit heute Morgen nicht mehr anmelden."
    assert readable("Support request", long_text) == long_text
    assert readable("Rechnung falsch", "Hilfe") == "Rechnung falsch Hilfe"


@given(st.text(max_size=5000))
def test_any_text_can_be_read(text: str) -> None:
    read = readable(text, text)
    assert len(read) <= 600
    assert "\n" not in read
    long_enough(read)
