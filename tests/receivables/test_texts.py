"""Free text: direction tricks and control characters go, card numbers are masked, nothing is cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receivables.errors import Refused
from receivables.texts import clean_words, mask_cards, one_line
from tests.effort import EXAMPLES


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("4242424242424242", "•••• 4242"),
        ("4242 4242 4242 4242 please", "•••• 4242 please"),
        ("4242-4242-4242-4242.", "•••• 4242."),
        ("4242.4242.4242.4242", "•••• 4242"),
        ("4242\u00a04242\u00a04242\u00a04242", "•••• 4242"),
        ("Amex 3782 822463 10005", "Amex •••• 0005"),
        ("2 4242 4242 4242 4242 12/30", "2 •••• 4242 12/30"),
        ("4000056655665556 4242424242424242", "•••• 5556 •••• 4242"),
        ("٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "•••• 4242"),
        ("כרטיס 4242424242424242 תודה", "כרטיס •••• 4242 תודה"),
        ("x" + "4242424242424242" * 3, "x" + "•••• 4242" * 3),
    ],
)  # fmt: skip
def test_card_numbers_are_masked(typed: str, kept: str) -> None:
    """X-09: Luhn digits in free text are stored masked, however they are grouped."""
    assert mask_cards(typed) == kept


@pytest.mark.parametrize(
    "text",
    ["4242424242424241", "invoice 2026000000001234", "+44 113 496 0142", "2026-11-21", "0" * 16, "1" * 12],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask_cards(text) == text


def test_control_and_direction_characters_go() -> None:
    """Issue, "Bad input": right-to-left overrides; marks that Hebrew is written with stay."""
    assert clean_words("a\x00b\x07c\x1b[2J\x7f") == "abc[2J"
    assert clean_words("one\u202etwo\u2066three\u2069") == "onetwothree"
    assert clean_words("שלום\u200f, \u200ejohn") == "שלום\u200f, \u200ejohn"
    assert clean_words(" a\r\nb\rc\u2028d ") == "a\nb\nc\nd"
    assert one_line("a\n b\t c") == "a b c"


def test_nothing_is_cut_in_silence() -> None:
    """Issue, "Bad input": 100k characters."""
    assert clean_words("x" * 2000) == "x" * 2000
    for text in ("x" * 2001, "x" * 100_000):
        with pytest.raises(Refused) as refused:
            clean_words(text)
        assert (refused.value.code, refused.value.facts) == ("words_too_long", {"most": 2000})
    with pytest.raises(Refused):
        clean_words("word", most=3)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(alphabet="0123456789 -.x", max_size=200))
def test_masking_twice_changes_nothing_and_letters_stay(text: str) -> None:
    """What was masked holds no card any more; only digits and their gaps are ever replaced."""
    masked = mask_cards(text)
    assert masked.count("x") == text.count("x")
    assert mask_cards(clean_words(text)) == clean_words(text)
