"""A ladder is whole or refused by name."""

from __future__ import annotations

import pytest

from receivables.ladder.rungs import Act, BadLadder, Gate, preset, preset_names, read_ladder

_HEAD = 'name = "x"\nkinds = ["invoice"]\n'
_RUNG = '[[rungs]]\ncode = "{code}"\nday = {day}\neffects = [{effects}]\n'
_MAIL = '{ do = "message", text = "first_reminder", channels = ["email"] }'


def _ladder(*rungs: tuple[str, int, str], head: str = _HEAD) -> str:
    return head + "".join(_RUNG.format(code=c, day=d, effects=e) for c, d, e in rungs)


def test_the_default_ladder_is_the_one_of_the_trade() -> None:
    """domain.md, "The ladder": days and gates of the gentle preset."""
    gentle = preset("gentle")
    assert [(r.code, r.day, r.gate) for r in gentle.rungs] == [
        ("courtesy", -3, Gate.NONE),
        ("due_today", 0, Gate.NONE),
        ("first_reminder", 1, Gate.NONE),
        ("call", 3, Gate.NONE),
        ("official_letter", 7, Gate.NONE),
        ("sales", 14, Gate.NONE),
        ("freeze_review", 21, Gate.COLLECTOR),
        ("formal_warning", 30, Gate.SUPERVISOR),
        ("last_offer", 60, Gate.COLLECTOR),
        ("hand_over", 90, Gate.SUPERVISOR),
    ]
    assert gentle.rung("hand_over").latest_day == 110


def test_the_strict_ladder_is_faster_not_sharper() -> None:
    """domain.md: 0 midday call, +1 letter and call, +2 official letter, +5 warning, +12 counsel."""
    strict = preset("strict")
    assert [(r.code, r.day) for r in strict.rungs] == [
        ("due_today", 0), ("first_reminder", 1), ("official_letter", 2), ("formal_warning", 5),
        ("hand_over", 12),
    ]  # fmt: skip
    assert {e.act for e in strict.rung("first_reminder").effects} == {Act.LETTER, Act.CALL}


def test_every_ladder_that_ships_can_be_read() -> None:
    assert preset_names() == ["gentle", "prepayment", "strict"]
    for name in preset_names():
        assert preset(name).name == name
    with pytest.raises(KeyError):
        preset("../policy_default")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("name = ", "not_toml"),
        (_HEAD + "rungs = []", "no_rungs"),
        (_ladder(("a", 3, _MAIL), ("b", 1, _MAIL)), "out_of_order"),
        (_ladder(("a", 3, _MAIL), ("b", 3, _MAIL)), "out_of_order"),
        (_ladder(("a", 1, _MAIL), ("a", 3, _MAIL)), "twice"),
        (_ladder(("a", 1, '{ do = "shout" }')), "unknown_act"),
        (_ladder(("a", 1, "")), "missing_key"),
        (_ladder(("a", 1, '{ do = "message", text = "x", channels = ["fax"] }')), "unknown_channel"),
        (_ladder(("a", 1, '{ do = "message", channels = ["email"] }')), "missing_key"),
        (_ladder(("a", 1, '{ do = "call", script = "x", louder = true }')), "unknown_key"),
        (_ladder(("a", 1, '{ do = "call", script = "x", when = { mood = "bad" } }')), "unknown_key"),
        (_ladder(("a", 1, '{ do = "call", script = "x", when = { credit = "bad" } }')), "bad_value"),
        (_ladder(("a", 4000, _MAIL)), "bad_value"),
        (_ladder(("a", 1, _MAIL)) + 'at = "25:00"\n', "bad_value"),
        (_ladder(("a", 1, _MAIL)) + 'gate = "bishop"\n', "unknown_gate"),
        (_ladder(("a", 10, _MAIL)) + "latest_day = 9\n", "late_before_day"),
        (_ladder(("a", 1, _MAIL), head='name = "x"\nkinds = ["wish"]\n'), "unknown_kind"),
        (_ladder(("a", 0, '{ do = "fee" }')), "not_before_delivery"),
        (
            _ladder(("a", 9, '{ do = "hold" }'), head='name = "x"\nkinds = ["prepayment"]\n'),
            "not_before_delivery",
        ),
    ],
)
def test_a_ladder_that_is_not_whole_is_refused_by_name(body: str, code: str) -> None:
    """Bad input: rungs out of order, strangers, a prepayment or an undue invoice that would be charged."""
    with pytest.raises(BadLadder) as refused:
        read_ladder(body)
    assert refused.value.code == code
