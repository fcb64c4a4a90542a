"""Internal notes: written, corrected, never erased; mentions become tasks (issue D, part 2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DatabaseError

from models.accounts import Account
from models.audit import AuditEntry
from models.notes import AccountNote
from models.staff import Role, Staff
from models.store import Store
from models.work import Task, TaskKind
from receivables.desk import notes, timeline
from receivables.errors import NotAllowed, NotFound, Refused
from tests import factories as make
from tests.conftest import NOON


@pytest.fixture
def account(store: Store) -> Account:
    with store.write() as s:
        return make.an_account(s, make.a_creditor(s))


def person(store: Store, name: str = "Priya Shah", role: Role = Role.COLLECTOR) -> Staff:
    with store.write() as s:
        return make.a_person(s, role, name=name)


def write(store: Store, by: Staff, account: Account, words: str, minutes: int = 0) -> AccountNote:
    with store.write() as s:
        return notes.write(
            s, make.staff_actor(by), s.get_one(Account, account.id), words=words,
            now=NOON + timedelta(minutes=minutes),
        )  # fmt: skip


def mentions(store: Store) -> list[Task]:
    with store.read() as s:
        return list(s.scalars(select(Task).where(Task.kind == TaskKind.MENTION).order_by(Task.id)))


def test_a_note_names_a_colleague_who_gets_a_task(store: Store, account: Account) -> None:
    """A first name is enough while one has it; the whole name goes before it; nobody is asked twice."""
    writer, marek = person(store), person(store, "Marek Nowak")
    note = write(store, writer, account, "Please look, @Marek Nowak. And @marek: by Friday.")
    tasks = mentions(store)
    assert [(t.assigned_to_id, t.facts["note"], t.facts["by"]) for t in tasks] == [
        (marek.id, note.ref, writer.name)
    ]
    with store.read() as s:
        line = notes.lines(s, make.staff_actor(writer), account.id)[0]
        assert (line.by, list(line.mentions), line.mine) == ("Priya Shah", ["Marek Nowak"], True)
        assert "account_note.written" in s.scalars(select(AuditEntry.code)).all()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("@Nobody, look", "mention_unknown"),
        ("@Dana, look", "mention_ambiguous"),
        ("@Avi, look", "mention_cannot_read"),  # a salesperson of other accounts
        ("@Root, look", "mention_cannot_read"),  # an administrator reads no accounts
        ("   ", "words_missing"),
        ("x" * 2001, "words_too_long"),
    ],
)
def test_what_cannot_be_told_is_refused(store: Store, account: Account, words: str, code: str) -> None:
    writer = person(store)
    for name, role in (
        ("Dana Levi", Role.COLLECTOR), ("Dana Katz", Role.SUPERVISOR), ("Avi Peretz", Role.SALESPERSON),
        ("Root Admin", Role.ADMIN),
    ):  # fmt: skip
        person(store, name, role)
    with pytest.raises(Refused) as refused:
        write(store, writer, account, words)
    assert refused.value.code == code
    with store.read() as s:
        assert s.scalars(select(AccountNote)).all() == []


def test_a_whole_name_tells_two_of_one_first_name_apart(store: Store, account: Account) -> None:
    writer, levi = person(store), person(store, "Dana Levi")
    person(store, "Dana Katz")
    write(store, writer, account, "@Dana Levi please")
    assert [task.assigned_to_id for task in mentions(store)] == [levi.id]


def test_an_address_is_no_mention(store: Store, account: Account) -> None:
    write(store, person(store), account, "Wrote to helen@brightwater.example today.")
    assert mentions(store) == []


def test_the_colleagues_own_note_answers(store: Store, account: Account) -> None:
    """His task ends with his note; another's note ends nothing."""
    writer, marek = person(store), person(store, "Marek Nowak")
    write(store, writer, account, "@Marek have you heard?")
    write(store, writer, account, "Still waiting.", 1)
    assert mentions(store)[0].done_at is None
    write(store, marek, account, "She pays on Friday.", 2)
    [task] = mentions(store)
    assert (task.done_at, task.done_by_id) == (NOON + timedelta(minutes=2), marek.id)


def test_a_correction_keeps_what_was_said(store: Store, account: Account) -> None:
    """A note can be corrected, never erased; each wording stays with its time."""
    writer = person(store)
    first = write(store, writer, account, "She pays on Tuesday.")
    actor = make.staff_actor(writer)
    with store.write() as s:
        second = notes.correct(
            s, actor, first.ref, words="She pays on Friday.", now=NOON + timedelta(hours=1)
        )
    with store.read() as s:
        [line] = notes.lines(s, actor, account.id)
        assert (line.ref, line.words, line.written_at) == (second.ref, "She pays on Friday.", NOON)
        assert list(line.earlier) == [(NOON, "She pays on Tuesday.")]
        assert line.corrected_at == NOON + timedelta(hours=1)
        [event] = timeline.timeline(s, actor, account.id, show="notes").events
        assert event.note == line
    for words, ref, code in (
        ("She pays on Friday.", second.ref, "note_same"), ("Once more", first.ref, "note_corrected"),
    ):  # fmt: skip
        with store.write() as s, pytest.raises(Refused, match=code):
            notes.correct(s, actor, ref, words=words, now=NOON)
    other = make.staff_actor(person(store, "Tom Okafor"))
    with store.write() as s, pytest.raises(Refused, match="note_not_yours"):
        notes.correct(s, other, second.ref, words="No", now=NOON)


def test_a_corrected_mention_is_not_asked_twice(store: Store, account: Account) -> None:
    writer = person(store)
    person(store, "Marek Nowak")
    note = write(store, writer, account, "@Marek look")
    with store.write() as s:
        notes.correct(s, make.staff_actor(writer), note.ref, words="@Marek look again", now=NOON)
    assert len(mentions(store)) == 1


@pytest.mark.parametrize("act", [update(AccountNote).values(words="x"), delete(AccountNote)])
def test_the_database_refuses_to_change_a_note(store: Store, account: Account, act: object) -> None:
    write(store, person(store), account, "As it was said.")
    with pytest.raises(DatabaseError), store.write() as s:
        s.execute(act)  # type: ignore[call-overload]


def test_who_may_write(store: Store, account: Account) -> None:
    """A salesperson writes on his own accounts; another's is not found (L-15). An auditor only reads."""
    seller = person(store, "Avi Peretz", Role.SALESPERSON)
    with pytest.raises(NotFound):
        write(store, seller, account, "Mine?")
    with store.write() as s:
        s.get_one(Account, account.id).salesperson_id = seller.id
    write(store, seller, account, "Mine.")
    with pytest.raises(NotAllowed):
        write(store, person(store, "Ada Audit", Role.AUDITOR), account, "No")
