"""SMS segments at their edges (decision 20)."""

import pytest

from sandbox.mailbox.segments import measure


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("a" * 159 + "€", "GSM-7", 161, 2),
        ("Köszönjük", "GSM-7", 9, 1),
        ("Fő", "UCS-2", 2, 1),
        ("Ä£ñ", "GSM-7", 3, 1),
        ("ש" * 70, "UCS-2", 70, 1),
        ("ש" * 71, "UCS-2", 71, 2),
        ("я" * 134, "UCS-2", 134, 2),
        ("я" * 135, "UCS-2", 135, 3),
        ("🙂" * 35, "UCS-2", 70, 1),
    ],
)
def test_measure(text: str, encoding: str, units: int, segments: int) -> None:
    measured = measure(text)
    assert (measured.encoding, measured.units, measured.segments) == (encoding, units, segments)


def test_a_character_of_two_units_is_never_cut() -> None:
    """152 letters leave one septet of 153, so the euro sign begins the next segment."""
    assert measure("a" * 152 + "€" + "a" * 152).segments == 3
    assert measure("a" * 151 + "€" + "a" * 153).segments == 2
    assert measure("ש" * 66 + "🙂" + "ש" * 66).segments == 3


def test_the_characters_that_forced_ucs2_are_named_once() -> None:
    assert measure("a—b—c’").forced_by == "—’"
