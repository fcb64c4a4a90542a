"""A house of one person publishes its own rules and texts: waited for, proved, marked (A-02, X-05)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

import presentation.editing as renderer
from models.approvals import ApprovalRequest
from models.editing import EditorDraft, TextVersion
from models.staff import Staff
from models.states import EditorStatus
from models.store import Store
from models.work import PolicyVersion
from receivables.editing import house, wording
from receivables.errors import NotAllowed
from receivables.permissions import Actor
from tests.conftest import NOON
from tests.receivables.approvals.world import an_office

KIND = "first_reminder"
Ask = Callable[[Session, Actor], ApprovalRequest]


def rules(session: Session, actor: Actor) -> ApprovalRequest:
    assert house.edit(session, actor, "promises", {"promises.horizon_days": 10}, now=NOON) == []
    return house.propose(session, actor, effective_on=None, reason="Sooner", zone="Europe/London", now=NOON)


def texts(session: Session, actor: Actor) -> ApprovalRequest:
    subject = renderer.shipped(KIND)["en/subject"] + " again"
    assert wording.write(session, actor, renderer, KIND, {"en/subject": subject}, now=NOON) == []
    return wording.propose(
        session, actor, renderer, KIND, effective_on=None, reason="Clearer", zone="Europe/London", now=NOON
    )


@pytest.mark.parametrize("ask", [rules, texts])
def test_ones_own_rules_and_texts_wait_for_another(sqlite_store: Store, ask: Ask) -> None:
    office = an_office(sqlite_store)
    with sqlite_store.write() as session:
        request = ask(session, office.supervisor)
    with pytest.raises(NotAllowed, match="own_proposal"):
        office.approve(request, office.supervisor, now=NOON + timedelta(hours=24))
    assert not office.approve(request, office.other).is_alone


@pytest.mark.parametrize("ask", [rules, texts])
def test_who_is_alone_publishes_his_own_marked_in_every_row(store: Store, ask: Ask) -> None:
    office = an_office(store)
    office.rules(alone=True)
    with store.write() as session:
        session.execute(update(Staff).where(Staff.id != office.supervisor.id).values(is_active=False))
        request = ask(session, office.supervisor)
    later = NOON + timedelta(hours=24)
    assert office.approve(request, office.supervisor, now=later, proved_at=later).is_alone
    with store.read() as session:
        draft = session.scalars(select(EditorDraft)).one()
        assert (draft.status, draft.is_alone) == (EditorStatus.PUBLISHED, True)
        if ask is texts:
            assert session.scalars(select(TextVersion)).one().is_alone
        else:
            newest = session.scalars(select(PolicyVersion).order_by(PolicyVersion.id.desc())).first()
            assert newest is not None
            assert "horizon_days = 10" in newest.body
