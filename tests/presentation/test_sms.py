"""SMS: at most three segments at full budget, no bidi controls, neutral for private persons."""

import re
from datetime import date

import pytest

from models.money import Money
from presentation import KINDS, LANGUAGES, MAX_SEGMENTS, sms_segments
from receivables.ports import MessageIncomplete

from .letters import CURRENCY, LINK, STOP, letter, rendered, sender

CONTROLS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # € is not cut in two
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("ж" * 201, 3),
        ("ж" * 202, 4),
        ("£é~", 1),
        ("a" * 100 + "₪", 2),
        ("a" * 100 + "’", 2),
        ("a" * 69 + "\U0001f600", 2),
    ],
)
def test_segments_as_the_networks_count_them(text: str, segments: int) -> None:
    """Tone.md, section 7: 160 and 153 units of GSM-7, 70 and 67 of UCS-2."""
    assert sms_segments(text) == segments


FULL = {
    "creditor": {
        "en": "Northgate Print Co X",
        "he": "דפוס צפון והשחר בעממ",
        "ru": "Балтийская Печать ОО",
        "hu": "Északi Nyomda és Pap",
    },
    "name": {
        "en": "Alexander Worthyname",
        "he": "אלכסנדרה בן אברהמיים",
        "ru": "Александра Петровска",
        "hu": "Szentgyörgyi Zsófiaa",
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [kind for kind, own in KINDS.items() if own.by_sms])
def test_every_text_fits_at_full_budget(kind: str, language: str) -> None:
    """Decision 20; budgets of tone.md, section 7: names 20, amount 14, telephone 16, links 42."""
    currency = CURRENCY[language]
    amount = Money(12_345_678_90 if currency != "HUF" else 1_234_567_890_00, currency)
    creditor, name = FULL["creditor"][language], FULL["name"][language]
    assert len(creditor) == len(name) == 20
    made = rendered(
        kind,
        language,
        "sms",
        name=name,
        amount=amount,
        paid_amount=amount,
        due_date=date(2026, 11, 21),
        link="https://npp.example/l/".ljust(42, "k"),
        stop="https://npp.example/x/".ljust(42, "k"),
        by=sender(
            language,
            name="A name far longer than any text message",
            short_name=creditor,
            phone="+972 3 5555 0123",
        ),
    )
    assert creditor in made.text
    assert made.segments == sms_segments(made.text) <= (2 if language == "en" else MAX_SEGMENTS)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(MessageIncomplete, match="4 segments"):
        rendered("first_reminder", "hu", "sms", by=sender("hu", short_name="Északi Kapu Papírkereskedelmi"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [kind for kind, own in KINDS.items() if own.by_sms])
def test_no_bidi_controls_and_no_mail_parts(kind: str, language: str) -> None:
    """Tone.md, section 7: a control costs a unit, and some phones show a box."""
    made = rendered(kind, language, "sms")
    assert not CONTROLS.search(made.text)
    assert not re.search(r"[{}]", made.text)
    assert (made.subject, made.html) == ("", None)
    if language == "he":
        assert re.match("[א-ת]", made.text), "a Hebrew word first sets the direction"


def test_english_stays_in_the_cheap_alphabet() -> None:
    """Tone.md, section 7: one ₪, ’ or no-break space would make it UCS-2."""
    firm = sender(short_name="O’Hara – Co")
    texts = [
        rendered("first_reminder", "en", "sms", amount=Money(679_680, currency), by=firm)
        for currency in ("GBP", "EUR", "ILS", "HUF", "USD", "JPY")
    ]
    assert all(made.text.isascii() for made in texts[2:-1])
    assert all(made.segments == 2 for made in texts)
    assert "O'Hara - Co: £6,796.80 was due" in texts[0].text
    assert "€6,796.80" in texts[1].text
    assert "ILS 6,796.80" in texts[2].text
    assert "USD 6,796.80" in texts[4].text


@pytest.mark.parametrize("language", LANGUAGES)
def test_private_persons_get_the_neutral_notice(language: str) -> None:
    """Decision 20: no amount, no document, no debt word at any rung."""
    notice = rendered("neutral_notice", language, "sms")
    for kind in ("courtesy", "due_today", "first_reminder", "payment_confirmation"):
        assert rendered(kind, language, "sms", private=True) == notice
        assert rendered(kind, language, "sms") != notice


@pytest.mark.parametrize("kind", ["fresh_link", "opt_out_confirmed"])
def test_answers_to_private_persons_keep_their_own_text(kind: str) -> None:
    """They name no amount or document, and tell what the reader asked for."""
    assert rendered(kind, "en", "sms", private=True) == rendered(kind, "en", "sms")


def test_links_end_their_lines() -> None:
    """No point or bracket may stick to an address."""
    lines = rendered("first_reminder", "en", "sms").text.splitlines()
    assert [line for line in lines if line.endswith((LINK, STOP))] == [lines[1], lines[3]]


def test_a_line_break_in_a_name_makes_no_line() -> None:
    made = rendered("neutral_notice", "en", "sms", name="Sofia\nPay here: evil.example")
    assert len(made.text.splitlines()) == len(rendered("neutral_notice", "en", "sms").text.splitlines())


def test_a_text_without_its_link_is_refused() -> None:
    with pytest.raises(MessageIncomplete) as refused:
        rendered("due_today", "en", "sms", link=None)
    assert refused.value.missing == "link"
    assert letter("due_today").link == LINK
