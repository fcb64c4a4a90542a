"""Amounts, dates and names as readers of four languages write them (decision 32; tone.md, section 9)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from models.money import Money
from presentation import (
    LANGUAGES,
    amount_only,
    bdi,
    day,
    initials,
    isolate,
    ltr,
    moment,
    money,
    number_list,
    percent,
    plural,
)

NB, RLM = "\u00a0", "\u200f"


@pytest.mark.parametrize(
    ("minor", "currency", "en", "he", "ru", "hu"),
    [
        (679_680, "GBP", "£6,796.80", f"{RLM}6,796.80{NB}{RLM}£", f"6{NB}796,80{NB}£", f"6{NB}796,80{NB}£"),
        (476_000, "EUR", "€4,760.00", f"{RLM}4,760.00{NB}{RLM}€", f"4{NB}760,00{NB}€", f"4{NB}760,00{NB}€"),
        (679_680, "ILS", "₪6,796.80", f"{RLM}6,796.80{NB}{RLM}₪", f"6{NB}796,80{NB}₪", f"6{NB}796,80{NB}₪"),
        (
            18_732_500,
            "HUF",
            f"HUF{NB}187,325",
            f"{RLM}187,325{NB}{RLM}HUF",
            f"187{NB}325{NB}HUF",
            f"187{NB}325{NB}Ft",
        ),
        (6_797, "JPY", "¥6,797", f"{RLM}6,797{NB}{RLM}¥", f"6{NB}797{NB}¥", f"6{NB}797{NB}¥"),
        (
            1_234_560,
            "KWD",
            f"KWD{NB}1,234.560",
            f"{RLM}1,234.560{NB}{RLM}KWD",
            f"1{NB}234,560{NB}KWD",
            f"1{NB}234,560{NB}KWD",
        ),
        (500, "ISK", f"ISK{NB}500", f"{RLM}500{NB}{RLM}ISK", f"500{NB}ISK", f"500{NB}ISK"),
    ],
)
def test_amounts_to_the_code_point(minor: int, currency: str, en: str, he: str, ru: str, hu: str) -> None:
    """M-01, decision 32: every sign, mark and space is where the reader expects it."""
    assert tuple(money(Money(minor, currency), language) for language in LANGUAGES) == (en, he, ru, hu)


def test_forints_show_a_fraction_only_when_there_is_one() -> None:
    """Decision 32."""
    assert money(Money(18_732_550, "HUF"), "hu") == f"187{NB}325,50{NB}Ft"
    assert amount_only(Money(18_732_500, "HUF"), "hu") == f"187{NB}325"


def test_currencies_that_share_a_sign_keep_their_code() -> None:
    """Tone.md, section 9: a dollar sign could be one of five."""
    for currency in ("USD", "AUD", "CAD", "NZD", "SEK"):
        assert all(currency in money(Money(100, currency), language) for language in LANGUAGES)
    assert money(Money(100, "GBP"), "en", code=True) == f"GBP{NB}1.00"


def test_minus_is_the_true_one_in_all_but_hebrew() -> None:
    """Decision 32: Hebrew keeps Babel's sign, with the mark that sets it before the digits and not behind."""
    owed = Money(-5, "EUR")
    assert [money(owed, language) for language in LANGUAGES] == [
        "\u2212€0.05",
        f"{RLM}\u200e-0.05{NB}{RLM}€",
        f"\u22120,05{NB}€",
        f"\u22120,05{NB}€",
    ]
    assert [amount_only(owed, language) for language in LANGUAGES] == [
        "\u22120.05",
        "\u200e-0.05",
        "\u22120,05",
        "\u22120,05",
    ]
    assert percent(Decimal("-8.5"), "he") == "\u200e-8.5%"


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("text", ["21 November 2026", "21 בנובמבר 2026", "21 ноября 2026 года", "2026. november 21."]),
        ("short", ["21/11/2026", "21.11.2026", "21.11.2026", "2026. 11. 21."]),
        ("sms", ["21/11/2026", "21.11.2026", "21.11.2026", "2026.11.21."]),
        (
            "weekday",
            [
                "Saturday 21 November 2026",
                "יום שבת, 21 בנובמבר 2026",
                "суббота, 21 ноября 2026 года",
                "2026. november 21., szombat",
            ],
        ),
    ],
)
def test_days(style: str, expected: list[str]) -> None:
    assert [day(date(2026, 11, 21), language, style) for language in LANGUAGES] == expected


def test_moments_are_told_in_the_zone_of_the_reader() -> None:
    late = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)
    assert moment(late, "Asia/Jerusalem", "he") == "22 בנובמבר 2026, 00:30"
    assert moment(late, "Europe/London", "en") == "21 November 2026, 22:30"
    assert moment(late, "Europe/Budapest", "hu") == "2026. november 21. 23:30"
    with pytest.raises(ValueError, match="without a zone"):
        moment(late.replace(tzinfo=None), "Europe/London", "en")


def test_percentages_keep_their_own_decimals() -> None:
    rate = Decimal("8.5")
    assert [percent(rate, language) for language in LANGUAGES] == ["8.5%", "8.5%", f"8,5{NB}%", "8,5%"]
    assert percent(Decimal("11"), "en") == "11%"


def test_plurals_follow_the_classes_of_the_language() -> None:
    """Tone.md, section 6: 1 счёт, 2 счёта, 5 счетов, 21 счёт."""
    forms = {"one": "счёт", "few": "счёта", "other": "счетов"}
    counted = [plural(n, "ru", **forms) for n in (1, 2, 5, 11, 21)]
    assert counted == ["счёт", "счёта", "счетов", "счетов", "счёт"]
    assert plural(3, "hu", other="számla") == "számla"


def test_values_are_set_apart() -> None:
    """Tone.md, section 9: without isolation 2041-A reads A-2041 in Hebrew."""
    assert isolate("2041-A") == "\u20682041-A\u2069"
    assert number_list(["2041-A", "2042"], "he").count("\u2068") == 2
    assert number_list(["2041-A", "2042", "2043"], "en") == "2041-A, 2042 and 2043"
    assert "\u2068צפון\u2069" in number_list(["צפון", "2042"], "en")
    assert str(ltr("+972 3 555 0123")) == '<bdi dir="ltr">+972 3 555 0123</bdi>'
    assert str(bdi("<b>")) == "<bdi>&lt;b&gt;</bdi>"


def test_initials() -> None:
    names = ["Maya Thornton", "Anna Sergeevna Petrova", "Anne-Marie d'Arc", "דנה לוי", "plato", "42"]
    assert [initials(name) for name in names] == ["MT", "AP", "AD", "דל", "P", ""]
