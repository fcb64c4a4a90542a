"""Talks written down with what was agreed in them (issue D, part 3; C-01, C-02, C-04, C-09)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateways.files import FileFolder
from models.accounts import Account, Contact
from models.answers import HardshipCase
from models.arrangements import Promise
from models.audit import AuditEntry
from models.disputes import Dispute, DisputeReason
from models.files import StoredFile
from models.invoices import Invoice
from models.messages import CallAttempt, CallFile, CallFileKind, Direction, Message, Spoken
from models.money import Money
from models.staff import Role
from models.store import Store
from models.work import Interaction, Task, TaskKind
from receivables.contact import calls, reach
from receivables.contact.inputs import counts_of
from receivables.contact.rule_rows import Cap
from receivables.desk import called
from receivables.desk.called import Next
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor
from receivables.policy import default_policy
from receivables.talks import recordings
from receivables.talks.written import Disputed, Enclosed, Promised, Talk, write_down
from tests import factories as make
from tests.conftest import NOON

TOMORROW = NOON + timedelta(days=1)
PROMISED = Promised(Money(5000, "GBP"), (NOON + timedelta(days=7)).date())
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40)


class World:
    """An account of £100.00 that is late, its contact with a number, and a collector."""

    def __init__(self, store: Store, *, country: str = "GB") -> None:
        self.store = store
        with store.write() as s:
            self.account = make.an_account(s, make.a_creditor(s), phone="+441134960142")
            self.account.country = country
            self.invoice = make.an_invoice(s, self.account)
            self.contact = s.scalars(select(Contact)).one()
            self.actor: Actor = make.staff_actor(make.a_person(s))

    def talk(self, **more: object) -> Talk:
        usual = Talk(self.contact.ref, True, "talked", Next("check_payment", TOMORROW))
        return replace(usual, **more)

    def write(self, *, actor: Actor | None = None, **more: object) -> None:
        def unit(s: Session) -> None:
            who = actor or self.actor
            if more.get("direction") is not Direction.IN:
                called.ask(s, who, self.account.ref, contact=self.contact.ref, now=NOON)
            write_down(s, who, self.account.ref, self.talk(**more), now=NOON)

        self.store.run(unit)

    def all(self, kind: type) -> list:
        with self.store.read() as s:
            return list(s.scalars(select(kind)).all())


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_a_promise_is_given_in_the_name_of_who_spoke(world: World) -> None:
    """The call, the promise of its contact, the task of the next day and the confirmation, in one unit."""
    world.write(outcome="promised", promised=PROMISED, words="Thursday's run")
    [call] = world.all(CallAttempt)
    [promise] = world.all(Promise)
    [task] = world.all(Task)
    assert (call.outcome, call.number, call.channel, call.direction) == (
        "promised", "+441134960142", "phone", "out",
    )  # fmt: skip
    assert (promise.contact_id, promise.amount_minor) == (world.contact.id, 5000)
    assert (task.kind, task.due_at, task.assigned_to_id) == (TaskKind.FOLLOW_UP, TOMORROW, world.actor.id)
    assert [m.kind for m in world.all(Message)] == ["promise_recorded"]


def test_disputes_opens_the_dispute_of_that_invoice(world: World) -> None:
    """Its words are the debtor's, the contested part leaves what is asked for."""
    said = Disputed(world.invoice.ref, DisputeReason.WRONG_PRICE, Money(2500, "GBP"))
    world.write(outcome="disputed", disputed=said, words="14 cases too dear")
    [dispute] = world.all(Dispute)
    assert (dispute.contact_id, dispute.contested_minor, dispute.reason) == (
        world.contact.id, 2500, DisputeReason.WRONG_PRICE,
    )  # fmt: skip


def test_difficulty_lies_in_its_case_and_nowhere_else(world: World) -> None:
    """domain.md, hardship: the words are in the case, not on the timeline, in no task, no audit."""
    world.write(outcome="hardship", cannot="person", words="the clinic bill came first")
    [case] = world.all(HardshipCase)
    assert "clinic" in case.words
    everything = [
        str(row.facts)
        for row in (*world.all(Interaction), *world.all(Task), *world.all(AuditEntry))
        if hasattr(row, "facts")
    ]
    assert len(everything) > 2
    assert not any("clinic" in text for text in everything)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"outcome": "promised"}, "promise_missing"),
        ({"outcome": "disputed"}, "dispute_missing"),
        ({"outcome": "hardship"}, "cannot_missing"),
        ({"outcome": "talked", "promised": PROMISED}, "outcome_unfit"),
        (
            {"outcome": "promised", "promised": Promised(Money(20000, "GBP"), PROMISED.on)},
            "amount_above_balance",
        ),
        ({"outcome": "promised", "promised": Promised(PROMISED.amount, NOON.date())}, "day_past"),
        ({"follows": Next("call")}, "next_missing"),
        ({"follows": Next("")}, "next_missing"),
        ({"follows": Next("sing", TOMORROW)}, "next_missing"),
        ({"follows": Next("ladder")}, "next_missing"),
        ({"outcome": "call_again"}, "next_call_needed"),
        ({"follows": Next("call", NOON)}, "day_past"),
        ({"follows": Next("call", NOON + timedelta(days=61))}, "day_too_late"),
        ({"number": "0" * 41}, "number_too_long"),
        ({"checks": ("stole",)}, "check_unknown"),
        ({"talked": False, "outcome": "nobody_there"}, "outcome_unknown"),
        ({"channel": Spoken.VISIT, "talked": False, "outcome": "wrong_number"}, "outcome_unfit"),
    ],
)
def test_what_lacks_something_is_refused_whole(world: World, more: dict[str, object], code: str) -> None:
    """Nothing of it stays: no call without its promise, no talk without a next step."""
    with pytest.raises(Refused) as refused:
        world.write(**more)
    assert refused.value.code == code
    assert (world.all(CallAttempt), world.all(Promise), world.all(Task)) == ([], [], [])


def test_a_dead_number_feeds_not_found(world: World) -> None:
    """The number fails from now on; with no other address left the account cannot be found."""
    with world.store.write() as s:
        s.get_one(Contact, world.contact.id).email = None
    world.write(talked=False, outcome="dead_number", follows=Next("visit", TOMORROW))
    with world.store.read() as s:
        evidence = reach.untraceable(s, s.get_one(Account, world.account.id))
        assert [(row["channel"], row["why"]) for row in evidence] == [("sms", "call:dead_number")]
        assert reach.dead_since(s, s.get_one(Contact, world.contact.id), evidence and "sms") == NOON
    assert [task.kind for task in world.all(Task)] == [TaskKind.TRACE]


def test_what_the_debtor_begins_asks_no_gate_and_counts_against_no_cap(world: World) -> None:
    """C-02: at night too; a talk of his is a talk, and no call of ours."""
    night = NOON + timedelta(hours=13)
    with world.store.write() as s:
        write_down(s, world.actor, world.account.ref,
                   world.talk(direction=Direction.IN, follows=Next("call", night + timedelta(hours=11))),
                   now=night)  # fmt: skip
        account = s.get_one(Account, world.account.id)
        used = counts_of(s, account, (Cap("calls", 7, 7),), today=night.date(), zone="Europe/London")
    assert set(used.values()) == {0}
    with pytest.raises(Refused) as refused, world.store.write() as s:
        write_down(s, world.actor, world.account.ref, world.talk(), now=night)
    assert refused.value.code == "call_not_allowed"


def test_visits_and_messengers_are_told_as_what_they_are(world: World) -> None:
    """A visit keeps what was gone through in the order of the list; no invitation follows a closed door."""
    checks = ("left_card", "said_who")
    world.write(channel=Spoken.VISIT, talked=False, outcome="nobody_there", checks=checks)
    world.write(channel=Spoken.MESSENGER, direction=Direction.IN, number="helen on Viber")
    visit, message = world.all(CallAttempt)
    assert (visit.checks, visit.number) == (["said_who", "left_card"], None)
    assert (message.channel, message.number) == ("messenger", "helen on Viber")
    told = [line.kind for line in world.all(Interaction)]
    assert told == ["visit.made", "messenger.came"]
    assert world.all(Message) == []


# --------------------------------------------------------------------------- recordings and photos


def kept(tmp_path: Path, name: str = "call.wav", data: bytes = WAV) -> object:
    return recordings.receive(FileFolder(tmp_path), name, data, default_policy())


@pytest.mark.parametrize(
    ("country", "basis", "code"),
    [
        ("GB", "", "recording_basis_missing"), ("GB", "one_party", "recording_basis_short"),
        ("GB", "announced", None), ("GB", "all_party", None), ("IL", "one_party", None),
        ("DE", "announced", "recording_basis_short"), ("TR", "all_party", "recording_none"),
        ("ZZ", "announced", "recording_basis_short"), ("ZZ", "all_party", None),
        ("GB", "guessed", "recording_basis_short"),
    ],
)  # fmt: skip
def test_a_recording_needs_a_basis_that_serves_in_the_country(
    store: Store, tmp_path: Path, country: str, basis: str, code: str | None
) -> None:
    """C-09: refused by name, and the call with it; kept with the basis and the row that asked for it."""
    world = World(store, country=country)
    enclosed = Enclosed(kept(tmp_path), basis)
    if code is not None:
        with pytest.raises(Refused) as refused:
            world.write(enclosed=enclosed)
        assert refused.value.code == code
        assert (world.all(CallAttempt), world.all(StoredFile)) == ([], [])
        return
    world.write(enclosed=enclosed)
    [row] = world.all(CallFile)
    [file] = world.all(StoredFile)
    assert (row.kind, row.basis, row.rule) == (
        CallFileKind.RECORDING, basis, country if country != "ZZ" else "*",
    )  # fmt: skip
    assert (file.media_type, file.retention_class) == ("audio/wav", recordings.RECORDING)


def test_the_database_keeps_no_recording_without_its_basis(world: World, tmp_path: Path) -> None:
    """C-09: a constraint, not a habit."""
    world.write()
    [call] = world.all(CallAttempt)
    row = CallFile(call_id=call.id, kind=CallFileKind.RECORDING)

    def unit(s: Session) -> None:
        file = StoredFile(
            content_digest="0" * 64, name="x.wav", media_type="audio/wav", size_bytes=1, stored_at=NOON,
            retention_class=recordings.RECORDING,
        )  # fmt: skip
        s.add(file)
        s.flush()
        row.file_id = file.id
        s.add(row)

    with pytest.raises(IntegrityError):
        world.store.run(unit)


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "file_empty"), (b"MZ\x90\x00" * 10, "sound_kind"), (b"%PDF-1.7 ...", "sound_kind"),
     (WAV + bytes(26 * 1024 * 1024), "file_size")],
)  # fmt: skip
def test_only_sounds_are_recordings(tmp_path: Path, data: bytes, code: str) -> None:
    """X-03: by their bytes, never by their name."""
    with pytest.raises(Refused) as refused:
        kept(tmp_path, "../../call.mp3", data)
    assert refused.value.code == code


def test_a_recordings_name_is_tidied(tmp_path: Path) -> None:
    assert kept(tmp_path, "..\\..\\Anruf <1>.mp3").name == "Anruf 1.wav"


def test_files_go_with_their_kind_of_talk(world: World, tmp_path: Path) -> None:
    photo = kept(tmp_path)  # what it is was looked at before
    for more, code in (
        ({"channel": Spoken.VISIT, "enclosed": Enclosed(photo, "announced")}, "recording_not_a_call"),
        ({"enclosed": Enclosed(photos=[photo])}, "photo_not_a_visit"),
        ({"channel": Spoken.VISIT, "enclosed": Enclosed(photos=[photo] * 6)}, "photos_many"),
    ):
        with pytest.raises(Refused) as refused:
            world.write(**more)
        assert refused.value.code == code
    world.write(channel=Spoken.VISIT, enclosed=Enclosed(photos=[photo]))
    [row] = world.all(CallFile)
    assert (row.kind, row.basis) == (CallFileKind.PHOTO, None)


def test_every_rule_of_recordings_names_its_source() -> None:
    """Policy as data: each row says where it is written, and none is taken for checked."""
    for rule in recordings.rules().values():
        assert rule.source
        assert rule.to_check


# --------------------------------------------------------------------------- who may


def test_others_may_not(world: World) -> None:
    """A-01; L-15: neither by role nor for another account."""
    with world.store.write() as s:
        auditor = make.staff_actor(make.a_person(s, Role.AUDITOR))
        other = make.an_account(s, make.a_creditor(s))
        theirs = make.an_invoice(s, other)
    with pytest.raises(NotAllowed):
        world.write(actor=auditor, direction=Direction.IN)
    with pytest.raises(NotFound), world.store.write() as s:
        write_down(s, world.actor, other.ref, world.talk(), now=NOON)
    with pytest.raises(NotFound):
        world.write(outcome="disputed", disputed=Disputed(theirs.ref, DisputeReason.DAMAGED))
    assert world.all(Invoice)[1].id == theirs.id
    assert world.all(CallAttempt) == []


def test_outcomes_of_the_page_are_those_of_the_rules() -> None:
    """Each code that a collector may choose is one that the rules take."""
    assert set(called.TALKED) == calls.TALKED
    for channel, codes in called.NOT_TALKED.items():
        assert set(codes) - calls.EITHER == calls.NOTHING_CAME[channel]
