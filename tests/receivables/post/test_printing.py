"""Printed together, posted on a day, come back; never about what was paid (issue of the ladder, part 7)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.accounts import DebtorType
from models.invoices import Invoice
from models.ladder import LadderMode, LadderSwitch
from models.post import PostBatch, PostLetter
from models.states import PostStatus
from models.store import Store
from models.work import Interaction, Task, TaskKind
from receivables.errors import Refused
from receivables.permissions import SYSTEM
from receivables.post import printing, queueing
from tests.conftest import NOON
from tests.receivables.post.letters import TODAY, pdfs, posted, queued


def balance(store: Store, minor: int) -> None:
    """What is left of the one invoice, as payments leave it."""
    with store.write() as session:
        session.execute(update(Invoice).values(balance_minor=minor))


def test_what_was_paid_is_taken_out_before_it_is_printed(store: Store) -> None:
    _, letter = queued(store)
    balance(store, 0)
    with store.write() as session:
        ready = printing.prepare(session, SYSTEM, [letter.ref], now=NOON)
        assert (ready.papers, ready.withdrawn) == ([], {letter.ref: "nothing_asked"})
        assert queueing.letter_of(session, letter.ref).status is PostStatus.WITHDRAWN


@pytest.mark.parametrize(("left", "days"), [(30000, 0), (57600, 12)])
def test_what_changed_is_written_anew(store: Store, left: int, days: int) -> None:
    """A letter asks for what is open, and its day leaves the reader time."""
    _, letter = queued(store)
    balance(store, left)
    now = NOON + timedelta(days=days)
    with store.write() as session:
        ready = printing.prepare(session, SYSTEM, [letter.ref], now=now)
        (paper,) = ready.papers
        assert paper.ref != letter.ref
        assert paper.amount.minor == left
        assert paper.deadline_on >= now.date() + timedelta(days=10)
        assert ready.withdrawn == {}
        old = queueing.letter_of(session, letter.ref)
        assert (old.status, old.facts["withdrawn"]) == (PostStatus.WITHDRAWN, "renewed")
        assert old.facts["amount_minor"] == 57600


def test_a_letter_that_is_right_is_printed_as_it_is(store: Store) -> None:
    _, letter = queued(store)
    with store.write() as session:
        ready = printing.prepare(session, SYSTEM, [letter.ref, letter.ref], now=NOON)
        assert [paper.ref for paper in ready.papers] == [letter.ref]
        batch = printing.print_batch(session, SYSTEM, pdfs(letter.ref), now=NOON)
        own = queueing.letter_of(session, letter.ref)
        assert (own.status, own.batch_id, batch.letters) == (PostStatus.PRINTED, batch.id, 1)
        assert own.file_id != batch.file_id
        with pytest.raises(Refused, match="letter_gone"):
            printing.print_batch(session, SYSTEM, pdfs(letter.ref), now=NOON)


def test_a_payment_between_looking_and_printing_stops_the_batch(store: Store) -> None:
    _, letter = queued(store)
    with store.write() as session:
        printing.prepare(session, SYSTEM, [letter.ref], now=NOON)
    balance(store, 100)
    with pytest.raises(Refused, match="content_changed"), store.write() as session:
        printing.print_batch(session, SYSTEM, pdfs(letter.ref), now=NOON)
    with store.read() as session:
        assert session.scalars(select(PostBatch)).all() == []
        assert queueing.letter_of(session, letter.ref).status is PostStatus.WAITING


def test_the_stop_of_all_sending_stops_paper_too(store: Store) -> None:
    """Decision 22."""
    _, letter = queued(store)
    with store.write() as session:
        session.add(LadderSwitch(mode=LadderMode.LIVE, sending_stopped=True, reason="drill", set_at=NOON))
        session.flush()
        with pytest.raises(Refused, match="sending_stopped"):
            printing.prepare(session, SYSTEM, [letter.ref], now=NOON)


def test_posted_on_a_day_that_can_be(store: Store) -> None:
    """Not before it was printed, not in the future, once; each account's timeline says so."""
    account, letter = queued(store)
    with store.write() as session:
        batch = printing.print_batch(session, SYSTEM, pdfs(letter.ref), now=NOON)
        for day, code in (
            (TODAY + timedelta(days=1), "day_in_future"),
            (TODAY - timedelta(days=1), "day_too"),
        ):
            with pytest.raises(Refused, match=code):
                printing.mark_posted(session, SYSTEM, batch, posted_on=day, now=NOON)
        printing.mark_posted(session, SYSTEM, batch, posted_on=TODAY, now=NOON)
        own = queueing.letter_of(session, letter.ref)
        assert (own.status, own.posted_on) == (PostStatus.POSTED, TODAY)
        notes = select(Interaction.kind).where(Interaction.account_id == account.id).order_by(Interaction.id)
        assert session.scalars(notes).all() == ["letter.queued", "letter.posted"]
        with pytest.raises(Refused, match="posted_already"):
            printing.mark_posted(session, SYSTEM, batch, posted_on=TODAY, now=NOON)


def test_what_was_taken_out_of_a_batch_is_not_posted(store: Store) -> None:
    _, first = queued(store)
    _, second = queued(store)
    with store.write() as session:
        batch = printing.print_batch(session, SYSTEM, pdfs(first.ref, second.ref), now=NOON)
        queueing.withdraw(session, SYSTEM, queueing.letter_of(session, first.ref), reason="paid", now=NOON)
        printing.mark_posted(session, SYSTEM, batch, posted_on=TODAY, now=NOON)
        found = select(PostLetter.status).order_by(PostLetter.id)
        assert session.scalars(found).all() == [PostStatus.WITHDRAWN, PostStatus.POSTED]


def test_a_letter_of_claim_needs_its_enclosures(store: Store) -> None:
    """The forms lie in the envelope, or the letter is none of claim."""
    _, letter = queued(store, "claim_letter", debtor_type=DebtorType.SOLE_TRADER)
    with store.write() as session:
        batch = printing.print_batch(session, SYSTEM, pdfs(letter.ref), now=NOON)
        with pytest.raises(Refused, match="enclosures_missing"):
            printing.mark_posted(session, SYSTEM, batch, posted_on=TODAY, now=NOON)
        printing.mark_posted(session, SYSTEM, batch, posted_on=TODAY, enclosed=True, now=NOON)
        assert queueing.letter_of(session, letter.ref).facts["enclosed"] is True


def test_what_comes_back_is_traced(store: Store) -> None:
    """Evidence for "cannot be found": the timeline and a task, once."""
    account, letter = queued(store)
    with store.write() as session:
        own = queueing.letter_of(session, letter.ref)
        with pytest.raises(Refused, match="letter_not_posted"):
            printing.mark_returned(session, SYSTEM, own, now=NOON)
        posted(session, own)
        printing.mark_returned(session, SYSTEM, own, now=NOON)
        assert (own.status, own.returned_on) == (PostStatus.RETURNED, TODAY)
        task = session.scalars(select(Task)).one()
        assert (task.kind, task.account_id) == (TaskKind.TRACE, account.id)
        assert "letter.returned" in session.scalars(select(Interaction.kind)).all()


def test_nothing_chosen_and_too_much(store: Store) -> None:
    with store.write() as session:
        with pytest.raises(Refused, match="none_chosen"):
            printing.prepare(session, SYSTEM, [], now=NOON)
        with pytest.raises(Refused, match="too_many_letters"):
            printing.prepare(session, SYSTEM, [f"x{n}" for n in range(101)], now=NOON)
