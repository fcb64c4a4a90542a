"""Four eyes, limits and races about requests (A-02, A-03, INV-11)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from models.approvals import ApprovalKind, ApprovalRequest
from models.audit import AuditEntry
from models.money import Money
from models.staff import Role, Staff
from models.states import ApprovalStatus
from models.store import Store
from models.work import Job
from receivables import approval_requests, credit_notes, write_offs
from receivables.approvals import deciding, deputies, limits
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.four_eyes import Standing
from receivables.policy import default_policy
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.proof import prove
from tests.races import together
from tests.receivables.approvals.world import GBP, Office, an_office


@pytest.fixture
def office(sqlite_store: Store) -> Office:
    return an_office(sqlite_store)


def audited(office: Office) -> list[tuple[str, str]]:
    with office.store.read() as s:
        return [(r.code, r.payload) for r in s.scalars(select(AuditEntry).order_by(AuditEntry.id))]


def mails(office: Office) -> list[tuple[str, str]]:
    with office.store.read() as s:
        jobs = s.scalars(select(Job).where(Job.kind == "staff_mail").order_by(Job.id))
        return [(job.payload["kind"], job.payload["staff"]) for job in jobs]


def ref_of(office: Office, actor_id: int | None) -> str:
    with office.store.read() as s:
        return s.get_one(Staff, actor_id).ref


def test_a_second_person_approves_and_the_proposer_is_told(office: Office) -> None:
    """A-02: asked by one, done by another, in one transaction, with a mail to who asked."""
    request = office.ask()
    done = office.approve(request, office.supervisor)
    assert (done.status, done.approver_id, done.is_alone) == (
        ApprovalStatus.APPROVED, office.supervisor.id, False,
    )  # fmt: skip
    assert office.balance() == ("written_off", 0)
    assert [code for code, _ in audited(office) if code.startswith("approval.")] == [
        "approval.asked", "approval.decided",
    ]  # fmt: skip
    assert mails(office) == [("approval_approved", ref_of(office, office.collector.id))]
    prove(office.url)


def test_nobody_decides_his_own(office: Office) -> None:
    """A-02: not by the action in any form, and not past it in the database."""
    request = office.ask(by=office.supervisor)
    digest = request.content_digest
    with pytest.raises(NotAllowed, match="own_proposal"):
        office.approve(request, office.supervisor)
    with office.store.write() as s:
        for act in (
            lambda: deciding.refuse(s, office.supervisor, request.ref, digest=digest, reason="No", now=NOON),
            lambda: deciding.answer_with(
                s, office.supervisor, request.ref, digest=digest, amount=Money(1, GBP), reason="No", now=NOON
            ),
        ):
            with pytest.raises(NotAllowed, match="own_proposal"):
                act()
    forged = update(ApprovalRequest).values(
        approver_id=office.supervisor.id, decided_at=NOON, status=ApprovalStatus.APPROVED
    )
    with pytest.raises(IntegrityError), office.store.write() as s:
        s.execute(forged)
    assert office.balance() == ("open", 20000)


def test_other_roles_do_not_decide(office: Office) -> None:
    """A-01: an accountant asks for refunds and decides nothing."""
    request = office.ask()
    with pytest.raises(NotAllowed):
        office.approve(request, office.accountant)


def test_the_limit_of_the_role_is_within(sqlite_store: Store) -> None:
    """A-03, boundary values: a collector's limit of 100 units, one penny more is beyond it."""
    for minor, goes in ((10000, True), (10001, False)):
        office = an_office(sqlite_store, minor=minor)
        request = office.ask(by=office.other)
        if goes:
            assert office.approve(request, office.collector).status is ApprovalStatus.APPROVED
        else:
            with pytest.raises(Refused, match="above_limit"):
                office.approve(request, office.collector)


def test_limits_as_data() -> None:
    """A-03: what has an amount goes by units, what has none by the roles that are named."""
    policy, kind = default_policy(), ApprovalKind.REFUND
    assert limits.chain(policy, kind, Money(100, GBP)) == [Role.SUPERVISOR]
    assert limits.chain(policy, ApprovalKind.WRITE_OFF, Money(100, GBP)) == [Role.COLLECTOR, Role.SUPERVISOR]
    assert limits.fits(policy, ApprovalKind.POLICY, None, Standing(Role.SUPERVISOR))
    assert not limits.fits(policy, ApprovalKind.POLICY, None, Standing(Role.COLLECTOR))
    # A currency without a scale cannot be measured: whoever has the highest limit decides.
    assert limits.chain(policy, ApprovalKind.WRITE_OFF, Money(100, "SEK")) == [Role.SUPERVISOR]
    assert [m.role for m in limits.marks(policy, ApprovalKind.WRITE_OFF, GBP)] == [
        Role.COLLECTOR, Role.SUPERVISOR,
    ]  # fmt: skip


def test_a_changed_case_is_refused(office: Office) -> None:
    """A-02, approve after edit: another digest, or an invoice that is not as it was."""
    request = office.ask()
    with pytest.raises(Refused, match="content_changed"):
        office.approve(request, office.supervisor, digest="0" * 64)
    with office.store.write() as s:
        credit_notes.record_credit_note(
            s, office.accountant, office.invoice.ref, number="CN-1", amount=Money(500, GBP),
            reason="Damaged", now=NOON,
        )  # fmt: skip
    with pytest.raises(Refused, match="case_changed"):
        office.approve(request, office.supervisor)
    assert office.balance() == ("open", 19500)


def test_facts_that_were_changed_in_the_row_are_refused(office: Office) -> None:
    """A-02: the digest is worked out anew from what stands in the row."""
    request = office.ask()
    with office.store.write() as s:
        s.execute(update(ApprovalRequest).values(amount_minor=1))
    with pytest.raises(Refused, match="content_changed"):
        office.approve(request, office.supervisor)


def test_one_request_waits_for_a_subject(office: Office) -> None:
    """One at a time; what was taken back may be asked for again."""
    request = office.ask()
    with pytest.raises(Refused, match="request_waits"):
        office.ask(by=office.other)
    with office.store.write() as s, pytest.raises(NotAllowed):
        deciding.withdraw(s, office.other, request.ref, now=NOON)
    with office.store.write() as s:
        gone = deciding.withdraw(s, office.collector, request.ref, now=NOON)
        assert gone.status is ApprovalStatus.WITHDRAWN
    with pytest.raises(Refused, match="not_waiting"):
        office.approve(request, office.supervisor)
    assert office.ask(by=office.other).status is ApprovalStatus.WAITING


def test_a_refusal_has_a_reason_that_the_proposer_reads(office: Office) -> None:
    request = office.ask()
    with office.store.write() as s:
        facts = {"digest": request.content_digest, "now": NOON}
        with pytest.raises(Refused, match="reason_missing"):
            deciding.refuse(s, office.supervisor, request.ref, reason="  ", **facts)  # type: ignore[arg-type]
        deciding.refuse(s, office.supervisor, request.ref, reason="Ring them first", **facts)  # type: ignore[arg-type]
    assert office.balance() == ("open", 20000)
    assert [kind for kind, _ in mails(office)] == ["approval_refused"]


def test_asking_needs_a_person_and_a_reason(office: Office) -> None:
    with office.store.write() as s, pytest.raises(Refused, match="reason_missing"):
        write_offs.propose_write_off(s, office.collector, office.invoice.ref, reason=" ", now=NOON)
    with office.store.write() as s, pytest.raises(NotFound):
        write_offs.propose_write_off(s, office.collector, "nothing", reason="Why", now=NOON)


def test_two_approvers_at_once_one_wins(store: Store, database_url: str) -> None:
    """Race of two approvers: one decides, the other finds it decided; the write-off is posted once."""
    for _ in range(REPEATS):
        office = an_office(store)
        request = office.ask()
        outcomes = together(
            2,
            lambda n, o=office, r=request: o.approve(r, (o.supervisor, o.other)[n]),  # type: ignore[misc]
        )
        assert sorted(type(one).__name__ for one in outcomes) == ["ApprovalRequest", "Refused"], outcomes
        assert [one.code for one in outcomes if isinstance(one, Refused)] == ["not_waiting"]
        assert office.balance() == ("written_off", 0)
    prove(database_url)


def test_approve_beside_refuse_and_withdraw(store: Store) -> None:
    """Whoever is first decides; the other one is told."""
    for _ in range(REPEATS):
        office = an_office(store)
        request = office.ask()

        def act(n: int, office: Office = office, request: ApprovalRequest = request) -> object:
            if n == 0:
                return office.approve(request, office.supervisor)
            with office.store.write() as s:
                if n == 1:
                    return deciding.withdraw(s, office.collector, request.ref, now=NOON)
                return deciding.refuse(
                    s, office.other, request.ref, digest=request.content_digest, reason="No", now=NOON
                )

        outcomes = together(3, act)
        assert sum(not isinstance(one, Exception) for one in outcomes) == 1, outcomes
        assert all(isinstance(one, Refused) for one in outcomes if isinstance(one, Exception))
        with store.read() as s:
            status = s.get_one(ApprovalRequest, request.id).status
        assert (office.balance()[0] == "written_off") == (status is ApprovalStatus.APPROVED)


def test_two_who_ask_at_once_make_one_request(store: Store) -> None:
    """The unique index holds what the look-up alone would not."""
    for _ in range(REPEATS):
        office = an_office(store)
        outcomes = together(2, lambda n, o=office: o.ask(by=(o.collector, o.other)[n]))  # type: ignore[misc]
        assert sorted(type(one).__name__ for one in outcomes) == ["ApprovalRequest", "Refused"], outcomes


# --------------------------------------------------------------------------- deputies


def stand_in(office: Office, *, for_: int | None, by: int | None, named_by: object, days: int = 2) -> str:
    with office.store.write() as s:
        today = NOON.date()
        return deputies.name(
            s, named_by, for_ref=ref_of(office, for_), deputy_ref=ref_of(office, by), from_on=today,  # type: ignore[arg-type]
            to_on=today + timedelta(days=days), now=NOON,
        ).ref  # fmt: skip


def test_a_deputy_acts_with_the_others_limit_and_is_marked(office: Office) -> None:
    """A collector who stands in for a supervisor decides what is beyond his own limit; the audit says so."""
    stand_in(office, for_=office.supervisor.id, by=office.collector.id, named_by=office.supervisor)
    request = office.ask(by=office.other)
    done = office.approve(request, office.collector)
    assert done.deputy_for_id == office.supervisor.id
    decided = [payload for code, payload in audited(office) if code == "approval.decided"]
    assert f'"deputy_for":{office.supervisor.id}' in decided[0]
    prove(office.url)


def test_nobody_becomes_deputy_for_deciding_his_own(office: Office) -> None:
    """Neither the deputy's own proposal, nor that of whom he stands in for, gets the other's limit."""
    stand_in(office, for_=office.supervisor.id, by=office.collector.id, named_by=office.supervisor)
    request = office.ask(by=office.supervisor)
    with pytest.raises(Refused, match="above_limit"):
        office.approve(request, office.collector)
    with office.store.write() as s:
        deciding.withdraw(s, office.supervisor, request.ref, now=NOON)
    request = office.ask(by=office.collector)
    with pytest.raises(NotAllowed, match="own_proposal"):
        office.approve(request, office.collector)


def test_a_deputyship_has_days_and_an_end(office: Office) -> None:
    """From and to are counted both; ended is over at once; nobody names himself for another."""
    ref = stand_in(office, for_=office.supervisor.id, by=office.collector.id, named_by=office.supervisor)
    request = office.ask(by=office.other)
    with pytest.raises(Refused, match="above_limit"):
        office.approve(request, office.collector, now=NOON + timedelta(days=3))
    with office.store.write() as s:
        deputies.end(s, office.supervisor, ref, now=NOON)
    with pytest.raises(Refused, match="above_limit"):
        office.approve(request, office.collector)
    with pytest.raises(Refused, match="deputy_self"):
        stand_in(office, for_=office.other.id, by=office.supervisor.id, named_by=office.supervisor)
    with pytest.raises(NotAllowed):
        stand_in(office, for_=office.other.id, by=office.supervisor.id, named_by=office.collector)
    with pytest.raises(NotFound):
        stand_in(office, for_=office.supervisor.id, by=office.accountant.id, named_by=office.supervisor)
    with pytest.raises(Refused, match="deputy_days"):
        stand_in(office, for_=office.supervisor.id, by=office.other.id, named_by=office.supervisor, days=-1)


# --------------------------------------------------------------------------- alone


def test_alone_needs_the_switch_the_wait_the_proof_and_nobody_else(sqlite_store: Store) -> None:
    """One-person mode: 24 h, password and code again, a mail to the owner, marked in row and audit."""
    office = an_office(sqlite_store)
    office.rules(alone=True)
    request = office.ask(by=office.supervisor)
    later = NOON + timedelta(hours=24)
    facts: dict[str, object] = {"now": later, "proved_at": later}
    with pytest.raises(Refused, match="alone_not_alone"):
        office.approve(request, office.supervisor, **facts)
    with sqlite_store.write() as s:
        s.execute(update(Staff).where(Staff.id != office.supervisor.id).values(is_active=False))
    with pytest.raises(Refused, match="alone_too_soon"):
        office.approve(request, office.supervisor, now=later - timedelta(seconds=1), proved_at=later)
    with pytest.raises(Refused, match="alone_unproved"):
        office.approve(request, office.supervisor, now=later)
    with pytest.raises(Refused, match="alone_unproved"):
        office.approve(request, office.supervisor, now=later, proved_at=later - timedelta(minutes=6))
    done = office.approve(request, office.supervisor, **facts)
    assert done.is_alone
    decided = [payload for code, payload in audited(office) if code == "approval.decided"]
    assert '"is_alone":true' in decided[0]
    assert [kind for kind, _ in mails(office)] == ["decided_alone"]
    prove(office.url)


def test_an_amount_that_is_asked_for_is_kept_with_its_currency(office: Office) -> None:
    """The table refuses half a sum and a sum of nothing."""
    office.ask()
    for values in ({"currency": None}, {"amount_minor": 0}, {"reason": ""}):
        with pytest.raises(IntegrityError), office.store.write() as s:
            s.execute(update(ApprovalRequest).values(**values))


def test_a_request_that_lost_its_subject_is_voided(office: Office) -> None:
    request = office.ask()
    with office.store.write() as s:
        approval_requests.void(s, office.accountant, request, why="case_changed", now=NOON)
    with pytest.raises(Refused, match="not_waiting"):
        office.approve(request, office.supervisor)
