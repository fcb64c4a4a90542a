"""Two tables of currencies, written apart, say the same (M-02, FT-15)."""

from __future__ import annotations

import doctest

import pytest

from checker import currencies, logs
from checker.currencies import ISO_DECIMALS, WIRE_DECIMALS, UnknownCurrency, is_nearest, is_same, shown
from models.money import CURRENCIES, Money, to_gateway


@pytest.mark.parametrize("code", sorted(CURRENCIES))
def test_agrees_with_the_table_of_the_product(code: str) -> None:
    """Each currency that the product takes has the same decimals, stored and on the wire."""
    row = CURRENCIES[code]
    assert (ISO_DECIMALS[code], WIRE_DECIMALS[code]) == (row.exponent, row.gateway_exponent)
    for steps in (1, 7, 123_456):
        amount = Money(steps * row.step, code)
        wire = to_gateway(amount)
        assert is_same(amount.minor, wire, code)
        assert not is_same(amount.minor, wire + 1, code)


@pytest.mark.parametrize(
    ("minor", "wire", "currency"),
    [(500, 500, "JPY"), (500, 50_000, "ISK"), (50_000, 50_000, "HUF"), (1_250, 1_250, "KWD"),
     (900, 90_000, "UGX"), (1_500, 15, "MGA"), (1_999, 1_999, "GBP")],
)  # fmt: skip
def test_worked_examples(minor: int, wire: int, currency: str) -> None:
    """By hand, from ISO 4217 and docs.stripe.com/currencies."""
    assert is_same(minor, wire, currency)
    assert not is_same(minor * 100, wire, currency)


def test_fees_may_carry_a_fraction() -> None:
    """A fee of 7.75 krónur is 7 or 8 of them, not 9; where decimals agree, it is exact."""
    assert [is_nearest(minor, 775, "ISK") for minor in (6, 7, 8, 9)] == [False, True, True, False]
    assert [is_nearest(minor, 775, "GBP") for minor in (774, 775, 776)] == [False, True, False]


def test_unknown_code_is_refused() -> None:
    """Nothing is guessed about a currency in neither list."""
    with pytest.raises(UnknownCurrency):
        is_same(1, 1, "XTS")


def test_shown() -> None:
    """Amounts in the report have their currency's decimals."""
    assert [shown(5, "GBP"), shown(-1_234, "KWD"), shown(10, "ISK")] == ["GBP 0.05", "KWD -1.234", "ISK 10"]


def test_examples_in_docstrings() -> None:
    """What the docstrings show is what the functions return."""
    for module in (currencies, logs):
        result = doctest.testmod(module)
        assert result.failed == 0
        assert result.attempted > 0
