"""Sales is asked what was promised: once, by a day; reminded once; asked no more when the dispute ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.disputes import DisputeReason, DisputeStatement
from models.money import Money
from models.staff import Role
from models.store import Store
from models.work import Alert, Job, Task, TaskKind
from receivables.calendar_days import business_date
from receivables.disputes import outcomes, reads, statements, threads
from receivables.errors import Refused
from tests import factories as make
from tests.races import together
from tests.receivables.disputes.story import Story


@pytest.fixture
def story(store: Store) -> Story:
    """An invoice whose account has a salesperson."""
    return sold(Story(store))


def sold(story: Story) -> Story:
    with story.store.write() as s:
        seller = make.a_person(s, Role.SALESPERSON, name="Marek Nowak")
        s.get_one(Account, story.account.id).salesperson_id = seller.id
    return story


def ask(story: Story, ref: str) -> DisputeStatement:
    return story.act(statements.ask, story.collector, ref, question="Did you promise it?")  # type: ignore[no-any-return]


def test_asked_about_a_price_only_and_once(story: Story) -> None:
    """Policy disputes.statement_business_days: two business days to answer."""
    wet = story.dispute(amount=Money(100, "GBP"))
    with pytest.raises(Refused) as refused:
        ask(story, wet.ref)
    assert refused.value.code == "not_a_price"
    price = story.dispute(amount=Money(100, "GBP"), reason=DisputeReason.WRONG_PRICE)
    asked = ask(story, price.ref)
    assert asked.due_on > business_date(story.now, story.account.zone)
    with pytest.raises(Refused) as again:
        ask(story, price.ref)
    assert again.value.code == "statement_asked"


def test_two_ask_at_once_one_is_asked(store: Store) -> None:
    """The partial unique index and the lock: never two open questions about one dispute."""
    story = sold(Story(store))
    price = story.dispute(amount=Money(100, "GBP"), reason=DisputeReason.WRONG_PRICE)
    found = together(2, lambda _: ask(story, price.ref))
    assert sorted(type(one).__name__ for one in found) == ["DisputeStatement", "Refused"]
    assert len(story.all(select(DisputeStatement))) == 1


def test_nobody_sells_nobody_is_asked(store: Store) -> None:
    story = Story(store)
    price = story.dispute(amount=Money(100, "GBP"), reason=DisputeReason.WRONG_PRICE)
    with pytest.raises(Refused) as refused:
        ask(story, price.ref)
    assert refused.value.code == "no_salesperson"


def test_reminded_once_when_the_day_is_over(story: Story) -> None:
    price = story.dispute(amount=Money(100, "GBP"), reason=DisputeReason.WRONG_PRICE)
    asked = ask(story, price.ref)
    late = asked.due_on + timedelta(days=1)
    with story.store.write() as s:
        assert statements.concerned(s, asked.due_on) == []
        assert statements.concerned(s, late) == [story.account.id]
        account = s.get_one(Account, story.account.id)
        assert [one.id for one in statements.remind(s, account, today=late, now=story.now)] == [asked.id]
        s.flush()
        assert statements.remind(s, account, today=late, now=story.now) == []
    assert [a.code for a in story.all(select(Alert))] == ["statement_late"]
    mails = [job.payload["kind"] for job in story.all(select(Job).where(Job.kind == "staff_mail"))]
    assert sorted(mails) == ["statement_asked", "statement_late"]


def test_the_end_of_the_dispute_ends_the_question(story: Story) -> None:
    price = story.dispute(amount=Money(100, "GBP"), reason=DisputeReason.WRONG_PRICE)
    ask(story, price.ref)
    story.act(outcomes.withdraw, story.debtor, price.ref)
    (row,) = story.all(select(DisputeStatement))
    assert (row.closed_at, row.answer) == (story.now, None)
    (task,) = story.all(select(Task).where(Task.kind == TaskKind.STATEMENT))
    assert task.done_at == story.now
    with pytest.raises(Refused) as late:
        story.act(statements.give, story.supervisor, row.ref, was_promised=True, words="Yes.")
    assert late.value.code == "statement_answered"


def test_the_queue_by_whom_and_how_old(story: Story) -> None:
    """Part 6: by age and amount, mine and nobody's, what is late; the mean of days to an answer."""
    small = story.dispute(amount=Money(100, "GBP"))
    story.now += timedelta(days=1)
    large = story.dispute(amount=Money(5000, "GBP"), reason=DisputeReason.SERVICE)
    story.act(outcomes.take, story.collector, large.ref)

    def refs(**by: str) -> list[str]:
        with story.store.read() as s:
            return [r.ref for r in reads.dispute_rows(s, story.collector, now=story.now, **by)]  # type: ignore[arg-type]

    assert refs(order="age") == [small.ref, large.ref]
    assert refs(order="amount") == [large.ref, small.ref]
    assert (refs(whose="mine"), refs(whose="nobody")) == ([large.ref], [small.ref])
    assert refs(show="late") == []
    story.now += timedelta(days=30)
    assert refs(show="late") == [small.ref, large.ref]
    story.act(threads.note_ours, story.collector, small.ref, words="Ring them.")
    story.act(outcomes.refuse, story.collector, small.ref, finding="It was whole.")
    assert refs(show="ended") == [small.ref]
    with story.store.read() as s:
        assert str(reads.mean_days(s, story.collector, now=story.now)) == "31.0"
