"""Kinds of debtor at the desk: proposals with their evidence in words, decisions, own terms (part 12)."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Segment
from models.answers import AnswerKind
from models.segments import SegmentProposal
from models.staff import Role
from models.states import SegmentStatus
from receivables.segments import moving
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import words
from tests.receivables.segments import books


@pytest.fixture
def broken(desk: Desk) -> Account:
    """An account that broke two promises, with the proposal that follows."""

    def unit(s: Session) -> Account:
        account = books.an_account(s)
        books.promises(s, account, broken=2)
        return account

    account = desk.store.run(unit)
    assert books.propose(desk.store, account) is not None
    return account


def ref_of(desk: Desk) -> str:
    with desk.store.read() as s:
        return s.scalars(select(SegmentProposal.ref).order_by(SegmentProposal.id.desc())).first() or ""


def status_of(desk: Desk, ref: str) -> SegmentStatus:
    with desk.store.read() as s:
        return s.scalars(select(SegmentProposal.status).where(SegmentProposal.ref == ref)).one()


def test_evidence_in_words_and_confirmed(desk: Desk, broken: Account) -> None:
    visitor, ref = desk.at(Role.COLLECTOR), ref_of(desk)
    page = words(visitor.get("/desk/segments"))
    assert "needs a reminder → no agreement" in page
    assert "2 promises broken, 0 kept" in page
    assert "1 document overdue, the oldest by 40 days" in page
    assert "Place on hold, bring in sales and management" in page
    assert "What happens, before you press" in words(visitor.get(f"/desk/segments/{ref}"))
    answer = visitor.post(f"/desk/segments/{ref}/confirm")
    assert answer.status_code == 303
    assert "The account is moved." in words(visitor.get(answer.location))
    assert books.segment_of(desk.store, broken) is Segment.NO_AGREEMENT
    seen = words(visitor.get(f"/desk/accounts/{broken.ref}"))
    assert "Kind of debtor" in seen
    assert "2 promises broken, 0 kept" in seen
    assert "Moved to another kind of debtor" in seen  # the timeline
    again = visitor.post(f"/desk/segments/{ref}/confirm")
    assert again.status_code == 409
    assert "Somebody else has decided this already." in words(again)


def test_refused_with_a_reason(desk: Desk, broken: Account) -> None:
    visitor, ref = desk.at(Role.COLLECTOR), ref_of(desk)
    visitor.get("/desk/segments")
    answer = visitor.post(f"/desk/segments/{ref}/refuse", {"reason": " "})
    assert answer.status_code == 422
    assert "Fill this in." in words(answer)
    answer = visitor.post(f"/desk/segments/{ref}/refuse", {"reason": "Their bank was closed."})
    assert answer.status_code == 303
    assert status_of(desk, ref) is SegmentStatus.REFUSED
    page = words(visitor.get(answer.location))
    assert "No proposal waits." in page
    assert "Their bank was closed." in page


def test_moved_and_terms_agreed_from_the_account(desk: Desk, broken: Account) -> None:
    visitor, path = desk.at(Role.SUPERVISOR), f"/desk/accounts/{broken.ref}"
    page = words(visitor.get(f"{path}/segment"))
    assert "Move it" in page
    assert "At 8.0 % a year." in page
    answer = visitor.post(f"{path}/segment", {"to": "own_terms", "reason": "They run on 60 days."})
    assert answer.status_code == 303
    assert books.segment_of(desk.store, broken) is Segment.OWN_TERMS
    visitor.get(f"{path}/segment")
    answer = visitor.post(f"{path}/terms", {"terms-days": "30", "terms-reason": "They run on 60 days."})
    assert answer.status_code == 303
    page = words(visitor.get(f"{path}/segment"))
    assert "pays on own terms · 30 days more agreed" in page
    assert "Waiting costs on what is open 0.66 GBP" in page
    assert {"segment.moved", "terms.agreed"} <= set(desk.codes())


@pytest.mark.parametrize(
    ("action", "fields", "status", "says"),
    [
        ("segment", {"to": "", "reason": "x"}, 422, "Choose one of the kinds."),
        ("segment", {"to": "enemy", "reason": "x"}, 422, "Choose one of the kinds."),
        ("segment", {"to": "own_terms", "reason": ""}, 422, "Fill this in."),
        ("segment", {"to": "own_terms", "reason": "\u202e"}, 409, "Say why, in a few words."),
        ("segment", {"to": "reminder", "reason": "x"}, 409, "The account is of this kind already."),
        ("terms", {"terms-days": "x", "terms-reason": "x"}, 422, "Write the number of days."),
        ("terms", {"terms-days": "-5", "terms-reason": "x"}, 422, "Write the number of days."),
        ("terms", {"terms-days": "91", "terms-reason": "x"}, 409, "The policy does not allow so many days."),
        ("terms", {"terms-days": "0", "terms-reason": "x"}, 409, "These terms are agreed already."),
    ],
)
def test_bad_input_stays_at_its_field(
    desk: Desk, broken: Account, action: str, fields: dict[str, str], status: int, says: str
) -> None:
    visitor, path = desk.at(Role.SUPERVISOR), f"/desk/accounts/{broken.ref}"
    visitor.get(f"{path}/segment")
    answer = visitor.post(f"{path}/{action}", fields)
    assert answer.status_code == status, words(answer)
    assert says in words(answer)
    assert books.segment_of(desk.store, broken) is Segment.REMINDER


def test_a_collector_reads_nothing_of_difficulty(desk: Desk) -> None:
    """domain.md, hardship: neither list, nor account, nor form, nor a guessed ref tells a collector."""
    with desk.store.write() as s:
        account = books.an_account(s)
        books.answered(s, account, AnswerKind.HARDSHIP)
    proposal = books.propose(desk.store, account)
    assert proposal is not None
    supervisor, collector = desk.at(Role.SUPERVISOR), desk.at(Role.COLLECTOR)
    assert "cannot pay in full now" in words(supervisor.get("/desk/segments"))
    assert "No proposal waits." in words(collector.get("/desk/segments"))
    assert collector.post(f"/desk/segments/{proposal.ref}/confirm").status_code == 404
    assert collector.post(f"/desk/segments/{proposal.ref}/refuse", {"reason": "x"}).status_code == 404
    actor = desk.actor(Role.SUPERVISOR)
    desk.store.run(lambda s: moving.confirm(s, actor, proposal.ref, now=NOON))
    for path in (f"/desk/accounts/{account.ref}", f"/desk/accounts/{account.ref}/segment"):
        page = words(collector.get(path))
        assert "with a supervisor" in page
        assert "cannot pay in full now" not in page
        assert "difficulty" not in page
        assert "cannot pay in full now" in words(supervisor.get(path))
