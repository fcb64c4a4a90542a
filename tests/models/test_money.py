"""Money: the currency table, arithmetic, splitting, and what people type."""

from __future__ import annotations

import doctest
from decimal import Decimal

import pytest
from babel.core import get_global
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

import models.money
import presentation
from models.invoices import Invoice
from models.money import (
    CURRENCIES,
    MAX_MINOR,
    AmountUnreadable,
    CurrencyMismatch,
    Money,
    MoneyError,
    UnknownCurrency,
    currency_row,
    from_gateway,
    parse_plain,
    parse_typed,
    round_to_minor,
    to_gateway,
    total,
)
from models.store import Store
from tests import factories as make
from tests.conftest import NOON
from tests.effort import EXAMPLES

#: Currency of each exponent that we have.
BY_EXPONENT = {0: "JPY", 2: "GBP", 3: "KWD"}
#: What the reader of each language writes between whole and fraction.
DECIMAL_MARKS = {"en": ".", "he": ".", "ru": ",", "hu": ","}

#: code: an amount in our minor units, and the number that the gateway wants for it.
TO_GATEWAY = {
    **dict.fromkeys(("AED", "AUD", "BGN", "CAD", "CHF", "CZK", "DKK", "EUR"), (1234, 1234)),
    **dict.fromkeys(("GBP", "ILS", "NOK", "NZD", "PLN", "RON", "SEK", "USD"), (1234, 1234)),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), (12340, 12340)),
    **dict.fromkeys(("JPY", "KRW"), (100, 100)),
    "HUF": (123400, 123400),
    "ISK": (1234, 123400),
}


def test_doctests() -> None:
    """The examples in the docstrings are true."""
    assert doctest.testmod(models.money).failed == 0


# --------------------------------------------------------------------------- the table


@pytest.mark.parametrize("code", sorted(CURRENCIES))
def test_each_currency_in_the_table(code: str) -> None:
    """M-02: the exponent is CLDR's, and what goes to the gateway is a number of its own units."""
    row = CURRENCIES[code]
    fractions = get_global("currency_fractions")
    digits, _, _, _ = fractions.get(code, fractions["DEFAULT"])
    assert row.exponent == digits
    ours, theirs = TO_GATEWAY[code]
    assert to_gateway(Money(ours, code)) == theirs
    assert from_gateway(theirs, code.lower()) == Money(ours, code)
    assert row.minimum >= row.step
    assert row.minimum % row.step == 0
    assert row.shown_decimals in (0, row.exponent)
    assert (
        to_gateway(Money(row.maximum, code)) <= 99_999_999 < to_gateway(Money(row.maximum + row.step, code))
    )


def test_the_table_test_leaves_no_currency_out() -> None:
    """M-02: a currency added to the table needs its line here."""
    assert set(TO_GATEWAY) == set(CURRENCIES)


@pytest.mark.parametrize("code", ["XYZ", "gbp", "", "GB", "UGX"])
def test_a_currency_outside_the_table_fails_closed(code: str) -> None:
    """M-02: no exponent is guessed."""
    with pytest.raises(UnknownCurrency):
        currency_row(code)
    with pytest.raises(UnknownCurrency):
        Money(1, code)
    with pytest.raises(UnknownCurrency):
        from_gateway(1, code if code != "gbp" else "xyz")


@given(
    code=st.sampled_from(sorted(CURRENCIES)),
    steps=st.integers(min_value=1, max_value=10**9),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_to_the_gateway_and_back(code: str, steps: int) -> None:
    """M-02, FT-15: what is sent comes back as the same amount."""
    amount = Money(steps * CURRENCIES[code].step, code)
    assert from_gateway(to_gateway(amount), code) == amount


@pytest.mark.parametrize(
    "amount",
    [Money(0, "GBP"), Money(-100, "GBP"), Money(12345, "KWD"), Money(12350, "HUF"), Money(1, "HUF")],
    ids=str,
)
def test_what_cannot_be_paid_is_not_sent(amount: Money) -> None:
    """M-02, decision 32: not positive, or off the payable step."""
    assert not amount.is_payable
    with pytest.raises(MoneyError):
        to_gateway(amount)


def test_a_fraction_of_our_minor_unit_from_the_gateway_is_refused() -> None:
    """M-02: ISK has two decimals at the gateway and none with us."""
    assert from_gateway(50000, "isk") == Money(500, "ISK")
    with pytest.raises(MoneyError):
        from_gateway(50050, "isk")


# --------------------------------------------------------------------------- arithmetic


def test_currencies_do_not_mix() -> None:
    """M-01: adding, subtracting and comparing need one currency."""
    pounds, euros = Money(100, "GBP"), Money(100, "EUR")
    for act in (
        lambda: pounds + euros,
        lambda: pounds - euros,
        lambda: pounds < euros,
        lambda: pounds <= euros,
        lambda: pounds > euros,
        lambda: pounds >= euros,
        lambda: total([pounds, euros], "GBP"),
    ):
        with pytest.raises(CurrencyMismatch):
            act()
    assert pounds != euros


@pytest.mark.parametrize("minor", [1.0, "1", None, True, Decimal(1)])
def test_minor_units_are_whole_numbers(minor: object) -> None:
    """M-01: no float, no text, no truth value."""
    with pytest.raises(MoneyError):
        Money(minor, "GBP")  # type: ignore[arg-type]


@given(a=st.integers(-MAX_MINOR, MAX_MINOR), b=st.integers(-MAX_MINOR, MAX_MINOR))
@settings(max_examples=EXAMPLES, deadline=None)
def test_arithmetic_is_that_of_whole_numbers(a: int, b: int) -> None:
    """M-01."""
    x, y = Money(a, "GBP"), Money(b, "GBP")
    assert (x + y).minor == a + b
    assert (x - y).minor == a - b
    assert (-x).minor == -a
    assert bool(x) == bool(a)
    assert (x < y, x <= y, x > y, x >= y) == (a < b, a <= b, a > b, a >= b)
    assert total([x, y], "GBP") == x + y


@pytest.mark.parametrize(
    ("value", "code", "minor"),
    [
        ("1.005", "GBP", 101), ("1.004", "GBP", 100), ("0.5", "JPY", 1), ("0.4", "JPY", 0),
        ("1.2345", "KWD", 1235), ("-1.005", "GBP", -101),
    ],
)  # fmt: skip
def test_rounding_is_half_up(value: str, code: str, minor: int) -> None:
    """house.md, Money: named rounding of decimal text, away from zero at the half."""
    assert round_to_minor(Decimal(value), code) == minor


# --------------------------------------------------------------------------- splitting


@given(
    code=st.sampled_from(["GBP", "JPY", "KWD", "HUF", "ISK"]),
    minor=st.integers(min_value=1, max_value=10**12),
    parts=st.integers(min_value=1, max_value=120),
)
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_split_is_exact_even_and_positive(code: str, minor: int, parts: int) -> None:
    """M-15: the sum is exact, parts differ by at most one step, the odd rest goes to the first."""
    step = CURRENCIES[code].step
    amount = Money(minor, code)
    if minor // step < parts:
        with pytest.raises(MoneyError):
            amount.split(parts)
        return
    pieces = [piece.minor for piece in amount.split(parts)]
    assert len(pieces) == parts
    assert sum(pieces) == minor
    assert min(pieces) > 0
    residue = minor % step
    even = [pieces[0] - residue, *pieces[1:]]
    assert max(even) - min(even) <= step
    assert even == sorted(even, reverse=True)
    assert all(piece % step == 0 for piece in even)


@pytest.mark.parametrize("parts", [0, -1])
def test_no_part_cannot_be_split_into(parts: int) -> None:
    """M-15."""
    with pytest.raises(MoneyError):
        Money(100, "GBP").split(parts)


# --------------------------------------------------------------------------- reading


@given(exponent=st.sampled_from([0, 2, 3]), minor=st.integers(-MAX_MINOR, MAX_MINOR))
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_plain_text_and_back(exponent: int, minor: int) -> None:
    """M-01: parse(format(x)) is x for exponents 0, 2 and 3."""
    amount = Money(minor, BY_EXPONENT[exponent])
    assert parse_plain(f"{amount.decimal:f}", amount.currency) == amount


@given(
    code=st.sampled_from(["JPY", "GBP", "KWD", "HUF", "EUR", "ILS", "USD"]),
    minor=st.integers(-(10**12), 10**12),
    language=st.sampled_from(sorted(DECIMAL_MARKS)),
)
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_what_we_show_can_be_typed_back(code: str, minor: int, language: str) -> None:
    """M-01: an amount copied from a page of any language is read as the same amount."""
    amount = Money(minor, code)
    shown = presentation.amount_only(amount, language)
    assert parse_typed(shown, code, decimal_mark=DECIMAL_MARKS[language]) == amount


@pytest.mark.parametrize(
    "minor", [0, 1, 12345678901234567 % MAX_MINOR, 2**53 + 1 - 2**53, 999_999_999_999_999, MAX_MINOR]
)
@pytest.mark.parametrize("code", ["JPY", "GBP", "KWD"])
def test_parse_store_format(store: Store, minor: int, code: str) -> None:
    """M-01, FT-15: text, minor units in the database, text again, on both databases."""
    typed = f"{Money(minor, code).decimal:f}"
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = Invoice(
            account_id=account.id, kind="invoice", number="1", status="draft", issued_on=NOON.date(),
            currency=code, lines_net_minor=parse_plain(typed, code).minor,
            total_minor=parse_plain(typed, code).minor, created_at=NOON,
        )  # fmt: skip
        s.add(invoice)
        s.flush()
        number = invoice.id
    with store.read() as s:
        stored = s.execute(select(Invoice.total_minor, Invoice.currency).where(Invoice.id == number)).one()
    assert f"{Money(stored.total_minor, stored.currency).decimal:f}" == typed


READABLE = [
    # text, currency, the reader's decimal mark, minor units
    ("1,234.50", "GBP", ".", 123450),
    ("1.234,50", "EUR", ",", 123450),
    ("1.234,50", "EUR", ".", 123450),
    ("1 234,50", "EUR", ",", 123450),
    ("1\u00a0234,50", "EUR", ",", 123450),
    ("1\u202f234,50", "EUR", ",", 123450),
    ("1\u2009234\u2009567,5", "EUR", ",", 123456750),
    ("1'234.50", "GBP", ".", 123450),
    ("1’234.50", "GBP", ".", 123450),
    ("1,5", "GBP", ".", 150),
    ("1,5", "EUR", ",", 150),
    ("1.5", "EUR", ",", 150),
    ("1,50", "GBP", ".", 150),
    ("12.", "GBP", ".", 1200),
    ("0,500", "GBP", ".", 50),
    ("00,500", "GBP", ".", 50),
    ("0.50", "GBP", ".", 50),
    ("1,234", "GBP", ".", 123400),
    ("1.234", "EUR", ",", 123400),
    ("1,234,567", "GBP", ".", 123456700),
    ("1.234.567", "EUR", ",", 123456700),
    ("1,234", "JPY", ".", 1234),
    ("1 234", "JPY", ".", 1234),
    ("1.234", "KWD", ".", 1234),
    ("1,234", "KWD", ",", 1234),
    ("1 234,567", "KWD", ",", 1234567),
    ("1,234.567", "KWD", ".", 1234567),
    ("£1,234.5", "GBP", ".", 123450),
    ("1234.50 £", "GBP", ".", 123450),
    ("GBP 12.34", "GBP", ".", 1234),
    ("12,34 €", "EUR", ",", 1234),
    ("€12.34", "EUR", ".", 1234),
    ("euro 12,34", "EUR", ",", 1234),
    ("12,34 Euro", "EUR", ",", 1234),
    ("12.34 eur", "EUR", ".", 1234),
    ("₪12.34", "ILS", ".", 1234),
    ("\u200f12.34 \u200f₪", "ILS", ".", 1234),
    ("\u206812.34\u2069", "ILS", ".", 1234),
    ('12.34 ש"ח', "ILS", ".", 1234),
    ("12.34 ש״ח", "ILS", ".", 1234),
    ("12 345 Ft", "HUF", ",", 1234500),
    ("12 345 Ft.", "HUF", ",", 1234500),
    ("12345ft", "HUF", ",", 1234500),
    ("¥1,234", "JPY", ".", 1234),
    ("１２３４円", "JPY", ".", 1234),
    ("$12.34", "USD", ".", 1234),
    ("١٢٣٤.٥٠", "AED", ".", 123450),
    ("۱۲۳۴", "AED", ".", 123400),
    ("12.34 AED", "AED", ".", 1234),
    ("-12.34", "GBP", ".", -1234),
    ("\u221212.34", "GBP", ".", -1234),
    ("- 12.34", "GBP", ".", -1234),
    ("+12.34", "GBP", ".", 1234),
    ("0", "GBP", ".", 0),
    ("  12.34  ", "GBP", ".", 1234),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "mark", "minor"), READABLE)
def test_amounts_as_people_type_them(text: str, code: str, mark: str, minor: int) -> None:
    """tone.md, A-09: groups, signs, digits of other scripts."""
    assert parse_typed(text, code, decimal_mark=mark).minor == minor


REFUSED = [
    ("", "GBP", ".", "empty"),
    ("   ", "GBP", ".", "empty"),
    ("£", "GBP", ".", "empty"),
    ("-", "GBP", ".", "not_a_number"),
    ("twelve", "GBP", ".", "not_a_number"),
    ("12 €", "GBP", ".", "not_a_number"),
    ("$12", "GBP", ".", "not_a_number"),
    ("12 Ft", "EUR", ",", "not_a_number"),
    ("12 USD", "GBP", ".", "not_a_number"),
    ("₪12", "EUR", ".", "not_a_number"),
    ("1e3", "GBP", ".", "not_a_number"),
    ("0x10", "GBP", ".", "not_a_number"),
    ("NaN", "GBP", ".", "not_a_number"),
    ("inf", "GBP", ".", "not_a_number"),
    ("12-", "GBP", ".", "not_a_number"),
    ("--12", "GBP", ".", "not_a_number"),
    ("(12)", "GBP", ".", "not_a_number"),
    ("1.2.3", "GBP", ".", "not_a_number"),
    ("1,2,3", "GBP", ".", "not_a_number"),
    ("1,23.45", "GBP", ".", "not_a_number"),
    ("12,34.50", "GBP", ".", "not_a_number"),
    ("1.234,5.6", "EUR", ",", "not_a_number"),
    ("1 5", "GBP", ".", "not_a_number"),
    ("12 50", "GBP", ".", "not_a_number"),
    ("1'5", "GBP", ".", "not_a_number"),
    ("1 23 456", "GBP", ".", "not_a_number"),
    ("1234 567", "GBP", ".", "not_a_number"),
    ("1.234", "GBP", ".", "too_precise"),
    ("1,234", "EUR", ",", "too_precise"),
    ("0.005", "GBP", ".", "too_precise"),
    ("1.5", "JPY", ".", "too_precise"),
    ("1.2345", "KWD", ".", "too_precise"),
    ("1,234", "KWD", ".", "ambiguous"),
    ("1.234", "KWD", ",", "ambiguous"),
    ("9" * 14, "GBP", ".", "too_large"),
    ("9" * 19, "GBP", ".", "too_large"),
    ("9" * 30, "GBP", ".", "too_large"),
    ("9" * 64, "GBP", ".", "too_large"),
    ("9" * 1000, "GBP", ".", "too_large"),
    ("x" * 1000, "GBP", ".", "not_a_number"),
]


@pytest.mark.parametrize(("text", "code", "mark", "reason"), REFUSED, ids=lambda v: str(v)[:12])
def test_what_is_not_one_amount_is_refused_by_name(text: str, code: str, mark: str, reason: str) -> None:
    """Another currency's sign, two readings, a thousand digits: never a guess."""
    with pytest.raises(AmountUnreadable) as refused:
        parse_typed(text, code, decimal_mark=mark)
    assert refused.value.reason == reason


@given(
    whole=st.integers(1, 999),
    tenth=st.integers(0, 9),
    mark=st.sampled_from([".", ","]),
    own=st.sampled_from([".", ","]),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_one_digit_after_a_mark_is_always_a_fraction(whole: int, tenth: int, mark: str, own: str) -> None:
    """ "1,5" is one and a half in every language and never fifteen."""
    assert parse_typed(f"{whole}{mark}{tenth}", "GBP", decimal_mark=own).minor == whole * 100 + tenth * 10


@given(text=st.text(max_size=80), code=st.sampled_from(sorted(CURRENCIES)), mark=st.sampled_from([".", ","]))
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_any_text_is_an_amount_or_refused(text: str, code: str, mark: str) -> None:
    """A-09: no text makes it fail in another way."""
    try:
        reason = None
        amount = parse_typed(text, code, decimal_mark=mark)
    except AmountUnreadable as refused:
        reason = refused.reason
    if reason is None:
        assert abs(amount.minor) <= MAX_MINOR
    else:
        assert reason in ("empty", "not_a_number", "too_precise", "too_large", "ambiguous")


@given(text=st.text("0123456789.,' -+£€", max_size=14), mark=st.sampled_from([".", ","]))
@settings(max_examples=EXAMPLES * 3, deadline=None)
def test_no_digit_is_lost_or_made(text: str, mark: str) -> None:
    """What is read has exactly the typed digits: marks may move the point, never the digits."""
    try:
        amount = parse_typed(text, "GBP", decimal_mark=mark)
    except AmountUnreadable:
        return
    typed = "".join(c for c in text if c.isdigit()).strip("0")
    assert str(abs(amount.minor)).strip("0") == typed
