"""Facts that bind us: recorded with a source, heeded at once, ended by a day, veiled where due (C-05)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from assembly import House
from jobs import ladder_run
from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.audit import AuditDetail, AuditEntry
from models.base import new_ref
from models.handovers import Handover
from models.ladder import LadderPosition
from models.links import Channel, Link
from models.staff import Role
from models.states import HandoverStatus, MessageStatus
from models.store import Store
from models.work import Interaction, Task, TaskKind
from receivables import audit, flags, links
from receivables.contact import calls
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.flags import FlagState, FlagView
from receivables.permissions import SYSTEM, Actor
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.jobs.test_gate_at_the_queue import plan, send, statuses
from tests.jobs.test_outbox import build
from tests.mailboxes import MailboxProcess

TODAY = NOON.date()
LETTER = "letter of 12 November from Hale & Pike, solicitors"


@pytest.fixture
def account(store: Store) -> Account:
    """£576.00 a day late."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), phone="+441134960142")
        make.an_invoice(s, account, total=57600, due_on=TODAY - timedelta(days=1))
        return account


def person(store: Store, role: Role) -> Actor:
    with store.write() as s:
        return make.staff_actor(make.a_person(s, role))


def raised(store: Store, account: Account, kind: FlagKind, **more: Any) -> AccountFlag:
    given = {"from_on": TODAY, "to_on": None, "source": LETTER, "now": NOON} | more
    actor = given.pop("actor", SYSTEM)
    with store.write() as s:
        return flags.raise_flag(s, actor, account, kind, **given)


def ended(store: Store, account: Account, flag: AccountFlag, **more: Any) -> AccountFlag:
    given = {"on": TODAY, "reason": "the letter was for somebody else", "now": NOON} | more
    actor = given.pop("actor", SYSTEM)
    with store.write() as s:
        return flags.end_flag(s, actor, account, flag.id, **given)


def seen(store: Store, account: Account, role: Role, *, today: date = TODAY) -> list[FlagView]:
    actor = person(store, role)
    with store.read() as s:
        return flags.flags_of(s, actor, account.id, today=today)


def rows(store: Store, model: Any) -> list[Any]:
    with store.read() as s:
        return list(s.scalars(select(model).order_by(model.id)))


def test_recorded_with_who_said_so_and_audited_in_the_same_unit(store: Store, account: Account) -> None:
    """C-05: source, start and end are kept; audit and timeline name the fact; the chain holds."""
    actor = person(store, Role.COLLECTOR)
    raised(store, account, FlagKind.BANKRUPTCY, actor=actor, from_on=TODAY - timedelta(days=7))
    [flag] = seen(store, account, Role.AUDITOR)
    assert (flag.kind, flag.source, flag.state) == (FlagKind.BANKRUPTCY, LETTER, FlagState.HOLDS)
    [note] = rows(store, Interaction)
    assert (note.kind, note.staff_id, note.facts) == (
        "flag.raised", actor.id, {"flag": "bankruptcy", "words": LETTER},
    )  # fmt: skip
    entry = next(row for row in rows(store, AuditEntry) if row.code == "flag.raised")
    assert '"flag":"bankruptcy"' in entry.payload
    assert '"from_on":"2026-11-12"' in entry.payload
    assert rows(store, AuditDetail)[-1].reason == LETTER
    with store.read() as s:
        assert audit.verify(s) is None


@pytest.mark.parametrize(
    ("kind", "change", "code"),
    [
        ("attorney", {"source": " \u202e "}, "flag_source_missing"),
        ("attorney", {"source": "x" * 501}, "words_too_long"),
        ("attorney", {"from_on": date(1999, 12, 31)}, "flag_day_range"),
        ("attorney", {"to_on": date(2101, 1, 1)}, "flag_day_range"),
        ("attorney", {"from_on": TODAY + timedelta(days=1)}, "flag_from_future"),
        ("attorney", {"to_on": TODAY}, "flag_to_before_from"),
        ("breathing_space", {}, "flag_end_missing"),
        ("breathing_space", {"from_on": TODAY + timedelta(days=367), "to_on": date(2030, 1, 1)},
         "flag_from_far"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(
    store: Store, account: Account, kind: str, change: dict[str, Any], code: str
) -> None:
    """Words of a source, sane days, and an end where the law has one."""
    with pytest.raises(Refused) as refused:
        raised(store, account, FlagKind(kind), **change)
    assert refused.value.code == code
    assert rows(store, AccountFlag) == []


def test_the_law_of_the_country_offers_the_end(store: Store, account: Account) -> None:
    """Policy table row 18: 60 days in the United Kingdom; elsewhere nobody guesses."""
    with pytest.raises(Refused) as refused:
        raised(store, account, FlagKind.BREATHING_SPACE)
    assert refused.value.facts == {"offered": TODAY + timedelta(days=60)}
    assert flags.offered_end(FlagKind.BREATHING_SPACE, "IL", TODAY) is None
    begins = TODAY + timedelta(days=3)
    raised(store, account, FlagKind.BREATHING_SPACE, from_on=begins, to_on=begins + timedelta(days=60))
    assert [flag.state for flag in seen(store, account, Role.COLLECTOR)] == [FlagState.COMES]
    assert raised(store, account, FlagKind.MENTAL_HEALTH_CRISIS).to_on is None


def test_one_fact_of_a_kind_at_a_time(store: Store, account: Account) -> None:
    """Refused by name while its days meet those of the first; before and after is another case."""
    first = raised(store, account, FlagKind.CEASE_REQUEST, from_on=TODAY - timedelta(days=9))
    with pytest.raises(Refused) as refused:
        raised(store, account, FlagKind.CEASE_REQUEST)
    assert refused.value.code == "flag_stands"
    assert refused.value.facts == {"kind": "cease_request", "since": TODAY - timedelta(days=9)}
    earlier = {"from_on": TODAY - timedelta(days=30), "to_on": TODAY - timedelta(days=9)}
    raised(store, account, FlagKind.CEASE_REQUEST, **earlier)
    raised(store, account, FlagKind.ATTORNEY)
    ended(store, account, first)
    raised(store, account, FlagKind.CEASE_REQUEST)
    with store.write() as s:
        other = make.an_account(s, make.a_creditor(s))
    raised(store, other, FlagKind.CEASE_REQUEST)


@pytest.mark.parametrize("kind", sorted(flags.GUARDED))
def test_what_touches_health_age_or_a_death_is_kept_apart(
    store: Store, account: Account, kind: FlagKind
) -> None:
    """Hardship is read with its own permission: others learn that there is a fact, never which one."""
    with pytest.raises(NotAllowed) as refused:
        raised(store, account, kind, actor=person(store, Role.COLLECTOR))
    assert refused.value.facts == {"permission": "hardship:read"}
    flag = raised(store, account, kind, actor=person(store, Role.SUPERVISOR), source="his daughter rang")
    [full] = seen(store, account, Role.SUPERVISOR)
    assert (full.kind, full.source, full.may_end) == (kind, "his daughter rang", True)
    for role in (Role.COLLECTOR, Role.AUDITOR, Role.ACCOUNTANT, Role.SALESPERSON):
        [veiled] = seen(store, account, role)
        assert (veiled.kind, veiled.source, veiled.may_end) == (None, None, False)
    with pytest.raises(NotFound):
        ended(store, account, flag, actor=person(store, Role.COLLECTOR))
    ended(store, account, flag, actor=person(store, Role.SUPERVISOR))
    assert seen(store, account, Role.COLLECTOR) == []
    said = [str(row.facts) for row in rows(store, Interaction)]
    said += [row.payload for row in rows(store, AuditEntry)]
    said += [row.reason or "" for row in rows(store, AuditDetail)]
    assert [text for text in said if kind.value in text or "daughter" in text] == []
    with store.read() as s:
        assert audit.verify(s) is None


def test_a_link_holder_learns_nothing(store: Store, account: Account) -> None:
    """A-01: whoever reads his own account by a link does not read what we heed."""
    raised(store, account, FlagKind.ATTORNEY)
    with store.read() as s, pytest.raises(NotAllowed):
        flags.flags_of(s, make.holder_actor(account), account.id, today=TODAY)


@pytest.mark.parametrize("role", [Role.ACCOUNTANT, Role.AUDITOR, Role.SALESPERSON, Role.ADMIN])
def test_who_does_not_chase_records_nothing(store: Store, account: Account, role: Role) -> None:
    actor = person(store, role)
    with pytest.raises(NotAllowed):
        raised(store, account, FlagKind.ATTORNEY, actor=actor)
    with pytest.raises(NotAllowed):
        ended(store, account, raised(store, account, FlagKind.ATTORNEY), actor=actor)
    assert flags.recordable(actor) == []


@pytest.mark.parametrize("kind", ["attorney", "bankruptcy", "cease_request", "legal_hold"])
def test_what_frees_the_chase_again_needs_a_supervisor(store: Store, account: Account, kind: str) -> None:
    collector = person(store, Role.COLLECTOR)
    flag = raised(store, account, FlagKind(kind), actor=collector)
    with pytest.raises(NotAllowed) as refused:
        ended(store, account, flag, actor=collector)
    assert refused.value.facts == {"permission": "flag:lift"}
    assert [view.may_end for view in seen(store, account, Role.COLLECTOR)] == [False]
    assert ended(store, account, flag, actor=person(store, Role.SUPERVISOR)).to_on == TODAY


def test_a_collector_ends_the_rest_by_a_day(store: Store, account: Account) -> None:
    """From today on or a later day, never back: what stood still stays so. The same day again is nothing."""
    flag = raised(store, account, FlagKind.WRONG_PARTY, from_on=TODAY - timedelta(days=5))
    collector, later = person(store, Role.COLLECTOR), TODAY + timedelta(days=4)
    for change, code in (
        ({"on": TODAY - timedelta(days=1)}, "flag_end_past"),
        ({"on": date(2101, 1, 1)}, "flag_day_range"),
        ({"reason": " "}, "reason_missing"),
        ({"reason": "x" * 501}, "words_too_long"),
    ):
        with pytest.raises(Refused) as refused:
            ended(store, account, flag, actor=collector, **change)
        assert refused.value.code == code
    for _ in range(2):
        ended(store, account, flag, actor=collector, on=later)
    assert [row.code for row in rows(store, AuditEntry)].count("flag.ended") == 1
    assert rows(store, Interaction)[-1].facts["flag"] == "wrong_party"
    [view] = seen(store, account, Role.COLLECTOR, today=later - timedelta(days=1))
    assert view.state is FlagState.HOLDS
    [view] = seen(store, account, Role.COLLECTOR, today=later)
    assert (view.state, view.may_end) == (FlagState.OVER, False)
    with pytest.raises(Refused) as refused:
        ended(store, account, flag, on=later + timedelta(days=2), now=NOON + timedelta(days=4))
    assert refused.value.code == "flag_over"


def test_what_has_not_begun_can_be_called_off(store: Store, account: Account) -> None:
    """Ended on its own first day it never holds."""
    begins = TODAY + timedelta(days=3)
    flag = raised(store, account, FlagKind.BREATHING_SPACE, from_on=begins, to_on=begins + timedelta(days=60))
    with pytest.raises(Refused):
        ended(store, account, flag)
    ended(store, account, flag, on=begins)
    for day in (TODAY, begins, begins + timedelta(days=1)):
        assert [view.state for view in seen(store, account, Role.COLLECTOR, today=day)] == [FlagState.OVER]


def test_another_accounts_fact_is_not_found(store: Store, account: Account) -> None:
    """L-15: an id guessed at another account ends nothing."""
    flag = raised(store, account, FlagKind.ATTORNEY)
    with store.write() as s:
        stranger = make.an_account(s, make.a_creditor(s))
    with pytest.raises(NotFound):
        ended(store, stranger, flag)


# --------------------------------------------------------------------------- what follows at once


@pytest.mark.parametrize(
    ("kind", "live"),
    [("deceased", False), ("minor", False), ("wrong_party", False), ("bankruptcy", True), ("attorney", True)],
)
def test_links_end_where_the_debtor_is_not_behind_them(
    store: Store, account: Account, kind: str, live: bool
) -> None:
    """Suppression matrix: deceased, minor, wrong party: links are revoked at once, for no named reason."""
    with store.write() as s:
        contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        links.issue(
            s, SYSTEM, account, contact=contact, channel=Channel.EMAIL, policy=default_policy(), now=NOON
        )
    raised(store, account, FlagKind(kind), actor=person(store, Role.SUPERVISOR))
    [link] = rows(store, Link)
    assert (link.revoked_at is None) == live
    assert link.revoked_reason in (None, "flag:guarded", "flag:wrong_party")


@pytest.mark.parametrize(("kind", "why"), [("bankruptcy", "flag:bankruptcy"), ("minor", "flag:guarded")])
def test_who_has_the_case_is_to_be_told(store: Store, account: Account, kind: str, why: str) -> None:
    """Policy table row 18: agents must be told; of what is guarded the task says only that there is one."""
    with store.write() as s:
        for status, currency in ((HandoverStatus.PLACED, "GBP"), (HandoverStatus.RECALLED, "EUR")):
            s.add(
                Handover(
                    ref=new_ref(), account_id=account.id, status=status, currency=currency,
                    amount_minor=100, reason="rung:hand_over", proposed_at=NOON,
                )
            )  # fmt: skip
    raised(store, account, FlagKind.LEGAL_HOLD)
    assert rows(store, Task) == []
    raised(store, account, FlagKind(kind))
    [task] = rows(store, Task)
    assert (task.kind, task.facts) == (TaskKind.HAND_OVER, {"why": why})


def test_nobody_rings_up_and_the_task_stays(store: Store, account: Account) -> None:
    """C-01: the task to ring up waits, and the gate says no at the next look."""
    with store.write() as s:
        contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        assert calls.may_call(s, account, contact, policy=default_policy(), now=NOON).allowed
        s.add(
            Task(
                kind=TaskKind.LADDER_CALL, key="ladder:1:call", account_id=account.id, facts={}, due_at=NOON,
                created_at=NOON,
            )
        )  # fmt: skip
    raised(store, account, FlagKind.BANKRUPTCY)
    with store.read() as s:
        decision = calls.may_call(s, account, contact, policy=default_policy(), now=NOON)
    assert (decision.allowed, decision.reasons) == (False, ("flag:bankruptcy",))
    assert [task.done_at for task in rows(store, Task)] == [None]


def test_the_ladder_is_woken_and_goes_on_where_it_stood(store: Store, account: Account) -> None:
    """C-05: an end restarts the ladder at the same step; start and end are both looked at the same day."""
    house: Any = SimpleNamespace(store=store)

    def place() -> LadderPosition:
        with store.read() as s:
            return s.scalars(select(LadderPosition)).one()

    ladder_run.run(house, now=NOON)
    before = place()
    assert before.next_on is not None
    assert before.next_on > TODAY
    flag = raised(store, account, FlagKind.BANKRUPTCY)
    assert place().next_on == TODAY
    ladder_run.run(house, now=NOON)
    assert (place().waits_for, place().seq) == ("flag:bankruptcy", before.seq)
    much_later = NOON + timedelta(days=40)
    ended(store, account, flag, on=much_later.date(), now=much_later)
    assert place().next_on == much_later.date()
    ladder_run.run(house, now=much_later)
    after = place()
    assert (after.waits_for, after.seq) == (None, before.seq)
    assert after.next_rung == before.next_rung


# --------------------------------------------------------------------------- the queue


@pytest.fixture
def office(database_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[House]:
    house = build(database_url, mailbox, tmp_path)
    yield house
    house.press.close()
    house.store.dispose()


def test_a_reminder_in_the_queue_stays_when_a_fact_is_recorded(
    office: House, mailbox: MailboxProcess
) -> None:
    """FT-27, C-01: asked at send time; the account with the fact gets nothing, the other its reminder."""
    plan(office, 2)
    with office.store.read() as s:
        bound = s.scalars(select(Account).order_by(Account.id)).all()[0]
    raised(office.store, bound, FlagKind.VULNERABILITY, actor=person(office.store, Role.SUPERVISOR))
    send(office, 6)
    assert statuses(office) == {
        (MessageStatus.SENT, ""): 1, (MessageStatus.SUPPRESSED, "flag:vulnerability"): 1,
    }  # fmt: skip
    assert len(mailbox.messages()) == 1
    said = [row.payload for row in rows(office.store, AuditEntry)]
    assert [text for text in said if "vulnerability" in text] == []
    assert len([text for text in said if "flag:guarded" in text]) == 1
