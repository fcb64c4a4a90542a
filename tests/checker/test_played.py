"""INV-9: a history that was played into another day is judged by the books' moments, not by the play's."""

from __future__ import annotations

import pytest

from tests.checker.conftest import Check
from tests.checker.damage import books, both, mailbox
from tests.checker.world import World

#: Two in the morning in Tokyo: years after all that the books know, when the history was played.
_PLAYED = mailbox("UPDATE message SET received_at = '2031-05-05T17:00:00.000000+00:00'")


def _passed(at: str, allowed: bool = True) -> str:
    """SQL: the gate answers about the reminder in Tokyo whose worker died; nobody wrote down that it left."""
    return (
        "INSERT INTO contact_decision (account_id, contact_id, message_id, channel, purpose, allowed,"  # noqa: S608
        " reasons, inputs, decided_at)"
        f" SELECT account_id, contact_id, id, 'email', 'reminder', {allowed}, '[]', '{{}}', '{at}'"
        " FROM message WHERE ref = 'reminder-3'"
    )


@pytest.mark.parametrize(
    "answers",
    [
        (_passed("2026-11-18 01:00:00.000000"),),
        # The carrier asked for later; nobody may be written to at the first moment.
        (_passed("2026-11-17 17:00:00.000000"), _passed("2026-11-18 01:00:00.000000")),
        # A worker that came later was told no: it sent nothing.
        (_passed("2026-11-18 01:00:00.000000"), _passed("2026-11-18 17:00:00.000000", allowed=False)),
    ],
    ids=["once", "put off", "refused later"],
)
def test_what_nobody_saw_leave_is_judged_by_the_gate(
    answers: tuple[str, ...], world: World, check: Check
) -> None:
    """A worker died between the carrier and the books: what counts is when the gate let it pass."""
    both(_PLAYED, books(*answers))(world)
    assert check(world).broken == {}


def test_what_the_gate_let_pass_at_night_is_found(world: World, check: Check) -> None:
    """The last yes at a wrong hour is a finding, whatever the hour of the play."""
    both(
        mailbox("UPDATE message SET received_at = '2031-05-05T01:00:00.000000+00:00'"),
        books(_passed("2026-11-18 17:00:00.000000")),
    )(world)
    assert "at 02:00 in Asia/Tokyo, outside 08:00-20:00" in check(world).broken["INV-9"]


def test_what_the_books_know_nothing_of_is_judged_by_the_mailbox(world: World, check: Check) -> None:
    """Without an answer of the gate only the mailbox says when it was."""
    _PLAYED(world)
    assert "at 02:00 in Asia/Tokyo, outside 08:00-20:00" in check(world).broken["INV-9"]
