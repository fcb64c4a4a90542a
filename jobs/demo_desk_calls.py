"""The demo's talks and closed cases: what a debtor wrote by messenger, and what a case taught.

Source: issue D, parts 3 and 16.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.demo_stage import Scene, Stage, days_pass
from models.arrears import ArrearsCase
from models.messages import Direction, Spoken
from models.staff import Role
from receivables.desk.called import Next
from receivables.lessons import cases
from receivables.talks.written import Talk, write_down

COMPLETED = "plan completed, question after paying answered"
KEPT = "promise kept, invoice forwarded"

#: What is late is looked at as every day.
look = days_pass(("arrears_cases",), 0)


def _writes_by_messenger(stage: Stage) -> None:
    """She writes that the money comes with the next wages run; the collector checks on that day."""
    person = stage.desk(Role.COLLECTOR)
    talk = Talk(
        stage.player.contact.ref, True, "talked", Next("check_payment", stage.at + timedelta(days=3)),
        words="The next payment run is on Thursday.", direction=Direction.IN, channel=Spoken.MESSENGER,
        number="Viber",
    )  # fmt: skip
    stage.house.store.run(lambda s: write_down(s, person, stage.account.ref, talk, now=stage.at))


def _lesson(stage: Stage) -> None:
    """The case is closed; whoever looked after it says what the house learned."""
    person = stage.desk(Role.COLLECTOR)

    def unit(session: Session) -> None:
        ref = session.scalar(
            select(ArrearsCase.ref).where(
                ArrearsCase.account_id == stage.account.id, ArrearsCase.closed_on.is_not(None)
            )
        )
        if ref is not None:
            cases.add_lesson(
                session, person, ref, words="Two parts offered at once were paid sooner than one sum later.",
                now=stage.at,
            )  # fmt: skip

    stage.house.store.run(unit)


SCENES = (
    Scene(8, COMPLETED, look),
    Scene(8, KEPT, look),
    Scene(5, COMPLETED, _writes_by_messenger),
    Scene(0, COMPLETED, look),
    Scene(0, COMPLETED, _lesson),
    Scene(0, KEPT, look),
)
