"""What people type, in each of our languages."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from models.money import Money
from portal import forms
from receivables.errors import NotFound, Refused


@pytest.mark.parametrize(
    ("language", "currency", "text", "minor"),
    [
        ("en", "GBP", "1,234.50", 123450),
        ("en", "GBP", "£1,234.5", 123450),
        ("en", "EUR", "1.234,50", 123450),
        ("he", "ILS", "1,234.50 ₪", 123450),
        ("he", "ILS", "\u200f1,234.50\u00a0\u200f₪", 123450),
        ("ru", "EUR", "1 234,50 €", 123450),
        ("ru", "EUR", "1\u00a0234,5", 123450),
        ("hu", "HUF", "187 325 Ft", 18732500),
        ("hu", "HUF", "187.325", 18732500),
        ("en", "JPY", "¥12,000", 12000),
    ],
)
def test_amounts_as_people_type_them(language: str, currency: str, text: str, minor: int) -> None:
    """M-02: the same sum however it is written; never a tenth or ten times of it."""
    form = forms.PayForm("amount", (), text)
    choice = forms.choice_of(form, currency, forms.typed(currency, language))
    assert choice.amount == Money(minor, currency)


@pytest.mark.parametrize(
    ("language", "currency", "text", "code"),
    [
        ("en", "GBP", "", "empty"),
        ("en", "GBP", "ten", "not_a_number"),
        ("en", "GBP", "1,23,4", "not_a_number"),
        ("ru", "EUR", "12,345", "too_precise"),
        ("en", "GBP", "12.345", "too_precise"),
        ("en", "JPY", "100.5", "too_precise"),
        ("en", "GBP", "1e5", "not_a_number"),
        ("en", "GBP", "€5", "not_a_number"),
        ("en", "GBP", "9" * 60, "not_a_number"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(language: str, currency: str, text: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        forms.choice_of(forms.PayForm("amount", (), text), currency, forms.typed(currency, language))
    assert refused.value.code == code


@pytest.mark.parametrize(("what", "code"), [("", "choice_missing"), ("chosen", "none_chosen")])
def test_a_choice_that_is_none(what: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        forms.choice_of(forms.PayForm(what), "GBP", forms.plain("GBP"))
    assert refused.value.code == code


def test_what_is_not_chosen_is_not_read() -> None:
    """An amount typed before another card was chosen, or ticks in a closed card, mean nothing."""
    form = forms.PayForm("overdue", ("a", "b"), "rubbish")
    assert forms.choice_of(form, "GBP", forms.plain("GBP")) == forms.Choice("overdue", "GBP")
    form = forms.PayForm("amount", ("a", "b"), "5.00")
    assert forms.choice_of(form, "GBP", forms.plain("GBP")).invoice_refs == ()


@pytest.mark.parametrize("name", ["amount", "what", "currency"])
def test_a_field_given_twice_is_refused(name: str) -> None:
    """A-09: amount=1&amount=9 would make somebody guess."""
    with pytest.raises(BadRequest):
        forms.single(MultiDict([(name, "1"), (name, "9")]), name)


@pytest.mark.parametrize("code", ["", "XXX", "gbp", "GBP "[:2]])
def test_a_currency_we_do_not_know(code: str) -> None:
    with pytest.raises(NotFound):
        forms.read_currency(MultiDict([("currency", code)]))


@pytest.mark.parametrize(
    ("currency", "language", "shown"),
    [("GBP", "en", "250.00"), ("EUR", "ru", "250,00"), ("HUF", "hu", "25000"), ("KWD", "en", "250.000")],
)
def test_the_example_can_be_read_back(currency: str, language: str, shown: str) -> None:
    assert forms.example(currency, language) == shown
    assert forms.typed(currency, language)(shown).is_payable


@pytest.mark.parametrize("nonce", ["", "short", "a" * 42, "a" * 44, "é" * 43])
def test_a_nonce_that_is_not_ours(nonce: str) -> None:
    with pytest.raises(BadRequest):
        forms.read_nonce(MultiDict([("nonce", nonce)]))
