"""The demo shows a talk by messenger and a closed case with its lesson (decision 27; issue D, 3 and 16)."""

from __future__ import annotations

from sqlalchemy import select

from jobs import demo_desk_calls
from models.arrears import ArrearsCase, ArrearsEnd
from models.messages import CallAttempt
from tests.jobs.demo_played import Played


def test_a_talk_by_messenger_stands_beside_calls(played: Played) -> None:
    """It was the debtor who wrote; nobody's cap is used."""
    call = played.one(CallAttempt, demo_desk_calls.COMPLETED)
    assert (call.channel, call.direction, call.number) == ("messenger", "in", "Viber")


def test_a_case_is_closed_with_what_worked(played: Played) -> None:
    """Paid by its plan; a collector wrote the lesson down."""
    with played.house.store.read() as session:
        account = played.account(session, demo_desk_calls.COMPLETED)
        [case] = session.scalars(select(ArrearsCase).where(ArrearsCase.account_id == account.id)).all()
    assert (case.ended, case.closed_on is not None, bool(case.lesson)) == (ArrearsEnd.PAID, True, True)
    assert case.recovered_minor > 0
