"""Each answer: kept as the reason for non-payment, with its pause and what it does to reminders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.answers import Answer, AnswerKind, Request, RequestKind
from models.invoices import Invoice
from models.links import Channel, LinkScope
from models.messages import Message, Purpose
from models.money import Money
from models.pauses import Pause, PauseReason
from models.payments import Adjustment
from models.staff import Role
from models.states import RequestStatus
from models.store import Store
from models.work import Interaction, Task, TaskKind
from receivables import letters, pauses
from receivables.answers import callbacks, giving, hardship, requests
from receivables.answers.giving import Facts
from receivables.contact import reminders, rules
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM, Actor
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.races import together

#: A Thursday; five business days on is the next Thursday.
TODAY = date(2026, 11, 19)
FIVE_ON = date(2026, 11, 26)
K = AnswerKind


@dataclass
class World:
    """An account with two late invoices and two people; the first is behind the link."""

    store: Store
    account: Account
    helen: Contact
    tom: Contact
    first: Invoice
    second: Invoice

    @property
    def actor(self) -> Actor:
        return make.holder_actor(self.account, self.helen)

    def give(
        self, kind: AnswerKind, *, now: datetime = NOON, actor: Actor | None = None, **facts: object
    ) -> Answer:
        given = Facts(**facts)  # type: ignore[arg-type]
        return self.store.run(lambda s: giving.give(s, actor or self.actor, kind, given, now=now))

    def pauses(self) -> list[Pause]:
        with self.store.read() as s:
            return list(s.scalars(select(Pause).order_by(Pause.id)))

    def request(self) -> Request:
        with self.store.read() as s:
            return s.scalars(select(Request).order_by(Request.id.desc())).first() or pytest.fail("none")

    def reminded(self, now: datetime) -> dict[str, list[str]]:
        """Who would be reminded at a moment, and of which invoices: refusals of the action and the gate."""
        told: dict[str, list[str]] = {}

        def unit(s: Session) -> None:
            account = s.get_one(Account, self.account.id)
            try:
                queued = reminders.remind(s, SYSTEM, account, now=now, channels=(Channel.EMAIL,))
            except Refused:
                return  # everything stands still
            for message in queued:
                contact = s.get_one(Contact, message.contact_id)
                decision = rules.may_contact(
                    s, account, contact, channel=Channel.EMAIL, purpose=Purpose.REMINDER, currency="GBP",
                    policy=default_policy(), now=now, message_id=message.id,
                )  # fmt: skip
                if decision.allowed:
                    letter = letters.compose(
                        s, message, link="https://pay.example/l/t", link_expires_at=now, stop="-", now=now
                    )
                    told[contact.name] = [row.number for row in letter.values["invoice_list"]]

        self.store.run(unit)
        return told

    def staff(self, role: Role = Role.COLLECTOR) -> Actor:
        return self.store.run(lambda s: make.staff_actor(make.a_person(s, role)))


def world_on(store: Store) -> World:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        helen = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        tom = make.a_contact(s, account, name="Tom Bell", email="tom@tidewater.example")
        first = make.an_invoice(s, account, total=10000, number="2026-1")
        second = make.an_invoice(s, account, total=5000, number="2026-2")
    return World(store, account, helen, tom, first, second)


@pytest.fixture
def world(store: Store) -> World:
    return world_on(store)


@pytest.fixture
def sqlite_world(sqlite_store: Store) -> World:
    return world_on(sqlite_store)


BOTH = {"Helen Marsh": ["2026-1", "2026-2"], "Tom Bell": ["2026-1", "2026-2"]}
SECOND = {"Helen Marsh": ["2026-2"], "Tom Bell": ["2026-2"]}


def refusal(act: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as error:
        act()
    return error.value


# --------------------------------------------------------------------------- each with its pause


def test_an_answer_that_asks_nothing_pauses_nothing(world: World) -> None:
    """domain.md: kept as the reason for non-payment, in no way held against anybody."""
    kept = world.give(K.FORGOT)
    assert (kept.kind, kept.facts) == (K.FORGOT, {})
    world.give(K.NOT_ALL, what="plan")
    world.give(K.WRONG_INVOICE, invoices=(world.first.ref,))
    assert world.pauses() == []
    assert world.reminded(NOON) == BOTH
    with world.store.read() as s:
        noted = [(i.kind, i.facts["answer"]) for i in s.scalars(select(Interaction).order_by(Interaction.id))]
    assert noted == [("answer.given", kind) for kind in ("forgot", "not_all", "wrong_invoice")]


def test_on_a_date(world: World) -> None:
    world.give(K.ON_A_DATE, amount=Money(15000, "GBP"), on=FIVE_ON)
    assert world.reminded(NOON) == {}
    assert (
        world.give(K.ON_A_DATE, amount=Money(15000, "GBP"), on=FIVE_ON).id
        == world.give(K.ON_A_DATE, amount=Money(15000, "GBP"), on=FIVE_ON, now=NOON + timedelta(minutes=1)).id
    )


def test_says_paid_stops_these_invoices_for_five_working_days_once(world: World) -> None:
    """domain.md: at most 5 business days, once per claim; the same invoice is refused by name."""
    claim = {"invoices": (world.first.ref,), "on": TODAY, "what": "transfer", "reference": "TX-99"}
    world.give(K.HAVE_PAID, **claim)
    (held,) = world.pauses()
    assert (held.reason, held.invoice_id, held.to_on) == (PauseReason.SAYS_PAID, world.first.id, FIVE_ON)
    assert world.reminded(NOON) == SECOND
    assert world.reminded(NOON + timedelta(days=7)) == BOTH
    row = world.request()
    assert (row.kind, row.answer_by_on) == (RequestKind.PAYMENT_CLAIM, date(2026, 11, 23))
    both = {**claim, "invoices": (world.first.ref, world.second.ref)}
    error = refusal(lambda: world.give(K.HAVE_PAID, **both))
    assert (error.code, error.facts) == ("claimed_already", {"number": "2026-1", "ref": row.ref})
    world.store.run(lambda s: requests.withdraw(s, world.actor, row.ref, now=NOON))
    assert world.reminded(NOON + timedelta(days=8)) == BOTH
    assert refusal(lambda: world.give(K.HAVE_PAID, **claim)).code == "claimed_before"
    world.give(K.HAVE_PAID, **{**claim, "invoices": (world.second.ref,)})


@pytest.mark.parametrize("what", list(giving.DocumentKind))
def test_a_document_is_waited_for_until_we_answer(sqlite_world: World, what: str) -> None:
    world = sqlite_world
    world.give(K.MISSING_DOCUMENT, what=what, invoices=(world.first.ref,), words="the one of May")
    assert [p.reason for p in world.pauses()] == [PauseReason.DOCUMENT_REQUESTED]
    assert world.reminded(NOON + timedelta(days=40)) == SECOND
    staff = world.staff()
    world.store.run(lambda s: requests.answer(s, staff, world.request().ref, reply="Here it is.", now=NOON))
    assert world.reminded(NOON + timedelta(days=41)) == BOTH


def test_a_document_about_nothing_in_particular_pauses_the_account(world: World) -> None:
    world.give(K.MISSING_DOCUMENT, what="bank_details")
    assert world.reminded(NOON) == {}


def test_waiting_for_an_approval_is_capped_and_does_not_stretch(world: World) -> None:
    """Policy pauses.their_approval_business_days: ten from the first such answer, whatever is named."""
    world.give(K.NEEDS_APPROVAL, name="Head office", on=date(2026, 11, 24))
    assert [p.to_on for p in world.pauses()] == [date(2026, 11, 25)]
    assert world.reminded(NOON) == {}
    world.give(K.NEEDS_APPROVAL, name="Head office", on=date(2026, 12, 30), now=NOON + timedelta(days=4))
    cap = date(2026, 12, 3)
    assert [(p.to_on, p.ended_at is None) for p in world.pauses()] == [
        (date(2026, 11, 23), False), (cap, True)
    ]  # fmt: skip
    late = NOON + timedelta(days=14)
    world.give(K.NEEDS_APPROVAL, name="Head office", on=date(2026, 12, 30), now=late)
    assert len(world.pauses()) == 2
    assert world.reminded(late) == BOTH


@pytest.mark.parametrize("kind", [K.NOT_ME, K.SOMEONE_ELSE])
def test_not_the_right_person_pauses_that_one_only(world: World, kind: AnswerKind) -> None:
    """Issue B: nobody else is affected; agreed, it stays so; refused, reminders go on."""
    world.give(kind, name="Sam Okafor", email="sam@tidewater.example")
    assert world.reminded(NOON) == {"Tom Bell": ["2026-1", "2026-2"]}
    row, staff = world.request(), world.staff()
    assert (row.kind, row.facts["name"]) == (RequestKind.OTHER_CONTACT, "Sam Okafor")
    act = requests.answer if kind is K.NOT_ME else requests.refuse
    world.store.run(lambda s: act(s, staff, row.ref, reply="Noted.", now=NOON))
    with world.store.read() as s:
        assert s.scalars(select(Message).where(Message.kind == "request_answered")).all() == []
    assert ("Helen Marsh" in world.reminded(NOON + timedelta(days=1))) is (kind is K.SOMEONE_ELSE)


def test_whoever_does_not_know_leaves_it_empty(sqlite_world: World) -> None:
    sqlite_world.give(K.NOT_ME)
    assert refusal(lambda: sqlite_world.give(K.SOMEONE_ELSE)).code == "name_missing"
    assert refusal(lambda: sqlite_world.give(K.SOMEONE_ELSE, name="Sam")).code == "address_missing"


# --------------------------------------------------------------------------- tax


def withheld(world: World, **more: object) -> Request:
    facts = {"amount": Money(1000, "GBP"), "invoices": (world.first.ref,), "reference": "WHT 7", **more}
    world.give(K.TAX_WITHHELD, **facts)
    return world.request()


def test_tax_is_waited_for_checked_and_booked(world: World) -> None:
    """Issue B: pause until answered; booked by who may, with our answer in the same transaction."""
    row = withheld(world)
    assert [p.reason for p in world.pauses()] == [PauseReason.WITHHOLDING]
    assert world.reminded(NOON) == SECOND
    accountant, collector = world.staff(Role.ACCOUNTANT), world.staff()
    book = {"amount": Money(900, "GBP"), "reply": "Booked.", "now": NOON}
    with pytest.raises(NotAllowed):
        world.store.run(lambda s: requests.accept_withholding(s, collector, row.ref, **book))  # type: ignore[arg-type]
    assert refusal(
        lambda: world.store.run(lambda s: requests.answer(s, accountant, row.ref, reply="yes", now=NOON))
    ).code == "withholding_books"  # fmt: skip
    world.store.run(lambda s: requests.accept_withholding(s, accountant, row.ref, **book))  # type: ignore[arg-type]
    with world.store.read() as s:
        assert s.get_one(Invoice, world.first.id).balance_minor == 9100
        assert s.scalars(select(Adjustment)).one().kind == "withholding_tax"
        assert s.get_one(Request, row.id).status is RequestStatus.ANSWERED
    assert world.reminded(NOON + timedelta(days=1)) == BOTH
    again = lambda: world.store.run(lambda s: requests.accept_withholding(s, accountant, row.ref, **book))  # type: ignore[arg-type]  # noqa: E731
    assert refusal(again).code == "request_over"


def test_two_accountants_book_once(world: World) -> None:
    row = withheld(world)
    people = [world.staff(Role.ACCOUNTANT) for _ in range(2)]

    def book(number: int) -> object:
        return world.store.run(
            lambda s: (
                requests.accept_withholding(
                    s, people[number], row.ref, amount=Money(1000, "GBP"), reply="Booked.", now=NOON
                ).status
            )
        )

    outcomes = together(2, book)
    assert sorted(isinstance(o, Refused) for o in outcomes) == [False, True], outcomes
    with world.store.read() as s:
        assert s.get_one(Invoice, world.first.id).balance_minor == 9000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": Money(0, "GBP")}, "amount_zero"),
        ({"amount": Money(10001, "GBP")}, "amount_above_balance"),
        ({"amount": Money(5, "EUR")}, "not_a_number"),
        ({"amount": None}, "empty"),
        ({"reference": " "}, "certificate_missing"),
        ({"invoices": ()}, "none_chosen"),
    ],
)
def test_tax_that_cannot_be_taken(sqlite_world: World, change: dict[str, object], code: str) -> None:
    assert refusal(lambda: withheld(sqlite_world, **change)).code == code
    withheld(sqlite_world)
    assert refusal(lambda: withheld(sqlite_world, reference="WHT 8")).code == "claimed_already"


# --------------------------------------------------------------------------- who, and how often


@pytest.mark.parametrize("kind", list(K))
def test_only_a_full_link_answers(sqlite_world: World, kind: AnswerKind) -> None:
    """Decision 6: nothing that binds the debtor from a link that staff or a colleague hold."""
    for scope in (LinkScope.VIEW_AND_PAY, LinkScope.ONE_INVOICE):
        with pytest.raises(NotAllowed):
            sqlite_world.give(kind, actor=replace(sqlite_world.actor, scope=scope))
    with pytest.raises(NotAllowed):
        sqlite_world.give(kind, actor=sqlite_world.staff(Role.SUPERVISOR))


def test_another_account_s_invoice_is_not_open(sqlite_world: World) -> None:
    """L-15: it looks like one that does not exist."""
    other = world_on(sqlite_world.store)
    for ref in (other.first.ref, "nothing"):
        error = refusal(lambda ref=ref: sqlite_world.give(K.WRONG_INVOICE, invoices=(ref,)))  # type: ignore[misc]
        assert error.code == "invoice_not_open"


def test_the_same_form_twice_is_one_answer(world: World) -> None:
    """A double click, or two devices at once: one request, one task, one line."""
    outcomes = together(4, lambda _: world.give(K.MISSING_DOCUMENT, what="order_number").id)
    assert len(set(outcomes)) == 1, outcomes
    with world.store.read() as s:
        assert len(s.scalars(select(Request)).all()) == len(s.scalars(select(Task)).all()) == 1
    world.store.run(lambda s: requests.withdraw(s, world.actor, world.request().ref, now=NOON))
    assert world.give(K.MISSING_DOCUMENT, what="order_number").id != outcomes[0]


def test_an_answer_is_never_changed(world: World) -> None:
    """Append-only: the database refuses."""
    kept = world.give(K.FORGOT)
    with pytest.raises(DBAPIError), world.store.write() as s:
        s.connection().exec_driver_sql(f"UPDATE answer SET kind = 'not_me' WHERE id = {kept.id}")  # noqa: S608


# --------------------------------------------------------------------------- requests


def test_answered_or_refused_once(world: World) -> None:
    """Issue B: who asked is written to with the words; the second decision is refused."""
    world.give(K.MISSING_DOCUMENT, what="order_number")
    row, staff = world.request(), world.staff()
    for reply, code in (("  ", "reason_missing"), ("x" * 3000, "words_too_long")):
        act = lambda r=reply: world.store.run(lambda s: requests.refuse(s, staff, row.ref, reply=r, now=NOON))  # type: ignore[misc]  # noqa: E731
        assert refusal(act).code == code
    acts = (requests.answer, requests.refuse)
    outcomes = together(
        2, lambda n: world.store.run(lambda s: acts[n](s, staff, row.ref, reply="It is PO-77.", now=NOON).id)
    )
    assert sorted(isinstance(o, Refused) for o in outcomes) == [False, True], outcomes
    with world.store.read() as s:
        message = s.scalars(select(Message)).one()
        task = s.scalars(select(Task)).one()
        letter = letters.compose(
            s, message, link="https://pay.example/l/t", link_expires_at=NOON, stop="-", now=NOON
        )
    assert (message.contact_id, message.purpose) == (world.helen.id, Purpose.ANSWER)
    assert (letter.values["reply"], letter.values["asked_date"]) == ("It is PO-77.", TODAY)
    assert (task.kind, task.done_by_id) == (TaskKind.REQUEST, staff.id)
    assert world.pauses()[0].ended_at == NOON


def test_who_may_answer_and_withdraw(sqlite_world: World) -> None:
    """A-01, L-15."""
    world = sqlite_world
    world.give(K.MISSING_DOCUMENT, what="order_number")
    ref, stranger = world.request().ref, world_on(sqlite_world.store).actor
    for actor in (world.actor, world.staff(Role.SALESPERSON), world.staff(Role.AUDITOR)):
        with pytest.raises(NotAllowed), world.store.write() as s:
            requests.answer(s, actor, ref, reply="no", now=NOON)
    with pytest.raises(NotFound), world.store.write() as s:
        requests.withdraw(s, stranger, ref, now=NOON)
    collector = world.staff()
    with pytest.raises(NotAllowed), world.store.write() as s:
        requests.withdraw(s, collector, ref, now=NOON)


# --------------------------------------------------------------------------- difficulty


def test_difficulty_pauses_the_account_until_a_person_answered(world: World) -> None:
    """Issue B: the answer says that it was given; the words are in the case alone."""
    for words in ("My wife is very ill", "My wife is very ill", "And I sold the van"):
        kept = world.give(K.HARDSHIP, words=words, amount=Money(5000, "GBP"))
    assert (kept.facts, world.reminded(NOON + timedelta(days=60))) == ({}, {})
    supervisor = world.staff(Role.SUPERVISOR)
    with world.store.read() as s:
        assert len(s.scalars(select(Answer)).all()) == 1
        (row,) = hardship.cases(s, supervisor)
        case = hardship.case_view(s, supervisor, row.ref)
        assert case.words.count("My wife is very ill") == 1
        assert "And I sold the van" in case.words
        assert case.could_pay == Money(5000, "GBP")
        assert s.scalars(select(Interaction)).all() == []
        told = hardship.told(s, world.actor)
        assert told is not None
        assert told.answer_by_on == date(2026, 11, 23)
    later = NOON + timedelta(days=61)
    for _ in range(2):
        world.store.run(lambda s: hardship.answer(s, supervisor, row.ref, now=later))
    assert world.reminded(later) == BOTH
    with world.store.read() as s:
        assert hardship.told(s, world.actor) is None
        assert len(hardship.cases(s, supervisor, closed=True)) == 1


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.SUPERVISOR])
def test_only_one_permission_reads_difficulty(sqlite_world: World, role: Role) -> None:
    sqlite_world.give(K.HARDSHIP, words="ill")
    actor = sqlite_world.staff(role)
    with sqlite_world.store.write() as s:
        for act in (
            lambda: hardship.cases(s, actor),
            lambda: hardship.case_view(s, actor, "x"),
            lambda: hardship.answer(s, actor, "x", now=NOON),
        ):
            with pytest.raises(NotAllowed):
                act()


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"words": "  "}, "words_missing"),
        ({"words": "x" * 4001}, "words_too_long"),
        ({"words": "ill", "amount": Money(0, "GBP")}, "amount_zero"),
        ({"words": "ill", "amount": Money(-5, "GBP")}, "amount_negative"),
    ],
)
def test_difficulty_that_cannot_be_taken(sqlite_world: World, facts: dict[str, object], code: str) -> None:
    assert refusal(lambda: sqlite_world.give(K.HARDSHIP, **facts)).code == code


# --------------------------------------------------------------------------- ring me


def test_hours_are_ours_at_our_place(sqlite_world: World) -> None:
    """Issue B, part 7: business days and opening hours of the creditor, an hour's notice."""
    with sqlite_world.store.read() as s:
        hours = callbacks.offered(s, sqlite_world.actor, now=NOON)
    assert hours[0] == datetime(2026, 11, 19, 11, tzinfo=NOON.tzinfo)
    assert hours[-1] == datetime(2026, 11, 25, 16, tzinfo=NOON.tzinfo)
    assert {h.weekday() for h in hours} == {0, 1, 2, 3, 4}
    rules_ = default_policy().calls
    evening = callbacks.slots({"he": "א׳-ה׳ 08:30-16:00"}, "Asia/Jerusalem", "IL", rules_, now=NOON)
    assert evening[-1].minute == 30
    assert callbacks.opening({"en": "always"}) == callbacks.USUAL


def test_one_call_a_person_and_by_whom(world: World) -> None:
    """L-15; another hour replaces the first, and only one's own call is cancelled."""
    at = [NOON + timedelta(hours=n) for n in (2, 3)]
    first = world.store.run(lambda s: callbacks.ask(s, world.actor, at[0], "+44 113 496 0142", now=NOON))
    same = world.store.run(lambda s: callbacks.ask(s, world.actor, at[0], "+441134960142", now=NOON))
    assert (same.id, same.due_at, same.facts["what"]) == (first.id, at[0], "+441134960142")
    second = world.store.run(lambda s: callbacks.ask(s, world.actor, at[1], "0113 496 0142", now=NOON))
    tom = make.holder_actor(world.account, world.tom)
    world.store.run(lambda s: callbacks.ask(s, tom, at[1], "0113 496 0199", now=NOON))
    with world.store.read() as s:
        waiting = callbacks.waiting(s, world.actor)
        assert waiting is not None
        assert (waiting.ref, waiting.at) == (second.ref, at[1])
        assert len(s.scalars(select(Task).where(Task.done_at.is_(None))).all()) == 2
    with pytest.raises(NotFound):
        world.store.run(lambda s: callbacks.cancel(s, world_on_other(world).actor, second.ref, now=NOON))
    with pytest.raises(NotAllowed):
        world.store.run(
            lambda s: callbacks.ask(
                s, replace(world.actor, scope=LinkScope.VIEW_AND_PAY), at[0], "1134960142", now=NOON
            )
        )


def world_on_other(world: World) -> World:
    """A stranger whose rows do not matter: only his account's number does."""
    return replace(world, account=Account(id=world.account.id + 1000))


def test_pause_of_the_account_is_in_its_age(sqlite_world: World) -> None:
    """domain.md: the union is subtracted from the age that the ladder sees."""
    sqlite_world.give(K.NEEDS_APPROVAL, name="Head office", on=date(2026, 11, 24))
    with sqlite_world.store.read() as s:
        held = pauses.of_account(s, sqlite_world.account.id)
    assert pauses.paused_days(held, TODAY, TODAY + timedelta(days=30)) == 6
