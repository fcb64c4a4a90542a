"""Facts about an account at the desk: recorded and ended on their page, said first on the account (C-05)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, FlagKind
from models.inbound import InboundKind, InboundMessage
from models.links import Channel
from models.messages import Message
from models.staff import Role
from models.states import MessageStatus, advance
from models.work import TaskKind
from receivables import flags, outbox
from receivables.contact import reminders
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.admin.conftest import Desk, desk_at
from tests.conftest import NOON
from tests.portal.visitor import Visitor, words

TODAY = NOON.date()
FACT = {"kind": "bankruptcy", "from_on": "2026-11-12", "to_on": "", "reason": "Letter of the court, 12 Nov"}
VEILED = "a fact that forbids contact"


@pytest.fixture
def wide(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """The desk on each database."""
    yield from desk_at(database_url, tmp_path)


def owing(session: Session, account: Account) -> None:
    make.an_invoice(session, account, total=57600, due_on=TODAY - timedelta(days=29))


def known(desk: Desk) -> list[AccountFlag]:
    with desk.store.read() as session:
        return list(session.scalars(select(AccountFlag).order_by(AccountFlag.id)))


def raised(desk: Desk, account: Account, kind: FlagKind, *, to_on: date | None = None) -> AccountFlag:
    with desk.store.write() as session:
        return flags.raise_flag(
            session, SYSTEM, account, kind, from_on=TODAY, to_on=to_on, source="his daughter rang", now=NOON
        )


def sent(visitor: Visitor, path: str, fields: dict[str, str]) -> tuple[int, str]:
    """Open the page and send a form of it: status, and what the answer says."""
    visitor.get(path.removesuffix("/end").rpartition("/flags")[0] + "/flags")
    answer = visitor.post(path, fields)
    shown = visitor.get(answer.location) if answer.status_code == 303 else answer
    return answer.status_code, words(shown)


def test_recorded_shown_and_ended(wide: Desk) -> None:
    """The account says it first and in a section of its own; a supervisor ends it, and it is kept."""
    account = wide.account(owing)
    path = f"/desk/accounts/{account.ref}/flags"
    status, page = sent(wide.at(Role.COLLECTOR), path, FACT)
    assert status == 303
    assert "The fact is recorded." in page
    assert "What must be heeded Record or end… insolvent since 12/11/2026, no end known" in page
    assert "“Letter of the court, 12 Nov”" in page
    assert "A fact that must be heeded: insolvent" in page
    [flag] = known(wide)
    assert (flag.kind, flag.from_on, flag.to_on) == (FlagKind.BANKRUPTCY, date(2026, 11, 12), None)
    assert "/end" not in wide.at(Role.COLLECTOR).get(path).text
    boss = wide.at(Role.SUPERVISOR)
    assert f'action="{path}/{flag.id}/end"' in boss.get(path).text
    status, page = sent(boss, f"{path}/{flag.id}/end", {"on": "2026-11-19", "reason": "discharged"})
    assert status == 303
    assert "The end is noted." in page
    assert "What no longer holds insolvent from 12/11/2026, up to 19/11/2026" in page
    assert "insolvent" not in words(boss.get(f"/desk/accounts/{account.ref}")).partition("Timeline")[0]
    assert {"flag.raised", "flag.ended"} <= set(wide.codes())


@pytest.mark.parametrize(
    ("change", "says", "field", "status"),
    [
        ({"kind": ""}, "Choose one of the facts.", "kind", 422),
        ({"kind": "bankrupt"}, "Choose one of the facts.", "kind", 422),
        ({"kind": "deceased"}, "Choose one of the facts.", "kind", 422),
        ({"reason": " \u202e"}, "Fill this in.", "reason", 409),
        ({"reason": "x" * 501}, "This is too long.", "reason", 422),
        ({"from_on": ""}, "Fill this in.", "from_on", 422),
        ({"from_on": "12.11.2026"}, "Write the day as year, month and day", "from_on", 422),
        ({"to_on": "soon"}, "Write the day as year, month and day", "to_on", 422),
        ({"from_on": "2026-11-20"}, "This day is still to come", "from_on", 409),
        ({"from_on": "1999-12-31"}, "days from 2000 to 2100 are taken", "from_on", 409),
        ({"to_on": "2101-01-01"}, "days from 2000 to 2100 are taken", "to_on", 409),
        ({"to_on": "2026-11-12"}, "It must end after its first day.", "to_on", 409),
    ],
)
def test_bad_input_stays_at_its_field(
    desk: Desk, change: dict[str, str], says: str, field: str, status: int
) -> None:
    """A collector may not even name what a supervisor keeps."""
    account, visitor = desk.account(), desk.at()
    path = f"/desk/accounts/{account.ref}/flags"
    visitor.get(path)
    answer = visitor.post(path, FACT | change)
    assert answer.status_code == status, words(answer)
    wrong = answer.text.partition(f'id="{field}-error"')[2]
    assert says in wrong[:200]
    assert known(desk) == []


def test_a_breathing_space_is_offered_its_days(desk: Desk) -> None:
    """Policy table row 18: without an end it is not recorded; the law's own stands in the form then."""
    account, visitor = desk.account(), desk.at()
    path = f"/desk/accounts/{account.ref}/flags"
    shown = visitor.get(path)
    assert "60 days, up to 18/01/2027 if it begins today" in words(shown)
    assert 'name="from_on" type="date" value="2026-11-19"' in shown.text
    fields = FACT | {"kind": "breathing_space"}
    answer = visitor.post(path, fields)
    assert answer.status_code == 409
    assert "A breathing space has a last day." in words(answer)
    assert 'type="date" value="2027-01-11"' in answer.text
    assert visitor.post(path, fields | {"to_on": "2027-01-11"}).status_code == 303
    assert known(desk)[0].to_on == date(2027, 1, 11)
    visitor.get(path)
    again = visitor.post(path, fields | {"to_on": "2027-02-11"})
    assert again.status_code == 409
    assert "This stands on the account already" in again.text.partition('id="kind-error"')[2]


@pytest.mark.parametrize(
    ("fields", "says", "status"),
    [
        ({"on": "", "reason": "x"}, "Fill this in.", 422),
        ({"on": "today", "reason": "x"}, "Write the day as year, month and day", 422),
        ({"on": "2026-11-19", "reason": ""}, "Fill this in.", 422),
        ({"on": "2026-11-18", "reason": "x"}, "It can end today or later", 409),
    ],
)
def test_an_end_that_cannot_be_is_said_at_its_fact(
    desk: Desk, fields: dict[str, str], says: str, status: int
) -> None:
    account = desk.account()
    flag = raised(desk, account, FlagKind.WRONG_PARTY)
    status_, page = sent(desk.at(), f"/desk/accounts/{account.ref}/flags/{flag.id}/end", fields)
    assert (status_, says in page) == (status, True)
    assert known(desk)[0].to_on is None


def test_only_facts_of_this_account_are_ended_here(desk: Desk) -> None:
    """L-15: the number of another account's fact, and what is no number, are not found."""
    account, other = desk.account(), desk.account()
    flag, visitor = raised(desk, other, FlagKind.WRONG_PARTY), desk.at()
    path = f"/desk/accounts/{account.ref}/flags"
    for name in (str(flag.id), "999999", "²", "-1"):
        visitor.get(path)
        answer = visitor.post(f"{path}/{name}/end", {"on": "2026-11-19", "reason": "x"})
        assert answer.status_code == 404, name
    assert known(desk)[0].to_on is None


def test_a_collector_may_not_end_what_a_supervisor_ends(desk: Desk) -> None:
    account = desk.account()
    flag, visitor = raised(desk, account, FlagKind.ATTORNEY), desk.at()
    path = f"/desk/accounts/{account.ref}/flags"
    visitor.get(path)
    answer = visitor.post(f"{path}/{flag.id}/end", {"on": "2026-11-19", "reason": "x"})
    assert answer.status_code == 403
    assert known(desk)[0].to_on is None


# --------------------------------------------------------------------------- what many may not know


@pytest.mark.parametrize("kind", sorted(flags.GUARDED))
def test_which_fact_it_is_only_a_supervisor_reads(desk: Desk, kind: FlagKind) -> None:
    """Hardship is kept apart: where a page says why nothing leaves, others read that something stands."""
    account = desk.account(owing)
    with desk.store.write() as session:
        reminders.remind(session, SYSTEM, session.get_one(Account, account.id), now=NOON)
        message = session.scalars(select(Message)).one()
        message.reasons = [f"flag:{kind.value}"]
        advance(message, MessageStatus.SUPPRESSED)
    raised(desk, account, kind)
    own = f"/desk/accounts/{account.ref}"
    name = {"deceased": "deceased", "minor": "a minor"}.get(kind.value) or str(
        {"vulnerability": "vulnerable: a person looks first"}.get(kind.value, "in a mental-health crisis")
    )
    places = [own, f"{own}/remind", "/desk/suppressed", f"/desk/suppressed?reason=flag:{kind.value}"]
    for role in (Role.COLLECTOR, Role.AUDITOR):
        visitor = desk.at(role)
        for path in places if role is Role.COLLECTOR else [own, *places[2:]]:
            page = visitor.get(path)
            assert VEILED in words(page), path
            assert name not in words(page), path
            assert "daughter" not in page.text, path
            assert f"flag:{kind.value}" not in page.text, path
        page = visitor.get(f"{own}/flags")
        said = words(page)
        assert VEILED in said
        assert "his daughter rang" not in said
        assert f'<option value="{kind.value}"' not in page.text
    boss = desk.at(Role.SUPERVISOR)
    for path in (*places, f"{own}/flags"):
        page = words(boss.get(path))
        assert name in page, path
    assert "his daughter rang" in words(boss.get(f"{own}/flags"))
    assert f'<option value="{kind.value}"' in boss.get(f"{own}/flags").text


def test_a_list_asked_for_by_a_veiled_fact_is_not_narrowed(desk: Desk) -> None:
    """Whose messages stayed for one veiled fact can't be found out by asking for it."""
    account = desk.account(owing)
    with desk.store.write() as session:
        reminders.remind(session, SYSTEM, session.get_one(Account, account.id), now=NOON)
        message = session.scalars(select(Message)).one()
        message.reasons = ["flag:deceased"]
        advance(message, MessageStatus.SUPPRESSED)
    for asked in ("flag:deceased", "flag:minor"):
        assert "Tidewater" in words(desk.at().get(f"/desk/suppressed?reason={asked}"))
    assert "Tidewater" not in words(desk.at(Role.SUPERVISOR).get("/desk/suppressed?reason=flag:minor"))


def test_the_page_says_what_each_fact_stops(desk: Desk) -> None:
    """Suppression matrix in words: reminders, calls, escalation, charges."""
    account = desk.account()
    page = words(desk.at(Role.AUDITOR).get(f"/desk/accounts/{account.ref}/flags"))
    assert "Reminders Calls Hold and hand-over Interest and fees" in page
    assert "not past him. blocked blocked a person first allowed" in page
    assert "all else goes on. allowed allowed allowed allowed" in page
    assert "Record a fact" not in page


# --------------------------------------------------------------------------- ways to the page


def test_a_reply_and_a_task_lead_to_the_page(desk: Desk) -> None:
    """What somebody writes of the debtor is recorded from where it is read."""
    account = desk.account(owing)
    with desk.store.write() as session:
        session.add(
            InboundMessage(
                channel=Channel.EMAIL, kind=InboundKind.REPLY, external_id="m1", from_digest="d" * 64,
                words="We went bankrupt.", outcome="task", account_id=account.id, received_at=NOON,
            )
        )  # fmt: skip
        outbox.ask_person(session, TaskKind.READ_REPLY, "reply:1", account_id=account.id, facts={}, now=NOON)
        outbox.ask_person(
            session, TaskKind.PLAN_TROUBLE, "charge:1", account_id=account.id, now=NOON,
            facts={"why": "flag:minor"},
        )  # fmt: skip
    address = f'href="/desk/accounts/{account.ref}/flags"'
    visitor = desk.at()
    assert address in visitor.get("/desk/inbound").text
    tasks = visitor.get("/desk/tasks")
    assert address in tasks.text
    assert "flag:minor" not in tasks.text
    assert VEILED in words(tasks)
    assert address not in desk.at(Role.AUDITOR).get("/desk/inbound").text
