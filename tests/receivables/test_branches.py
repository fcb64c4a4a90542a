"""Head office and branches: one payment, credited branch by branch; nobody sees another (part 7, L-15)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.invoices import Invoice
from models.ledger import LedgerCode, Posting
from models.links import LinkScope
from models.messages import Message
from models.money import Money
from models.payments import Allocation, Payment
from models.store import Store
from models.work import Interaction
from receivables import branch_notices, branches, ledger, letters
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.ports import RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.proof import prove
from tests.races import together
from tests.receivables.paying import balances, pay


@dataclass
class Group:
    """A head office with two branches that it sees, one that it does not see, and one of somebody else."""

    head: Account
    north: Account
    south: Account
    hidden: Account
    foreign: Account

    @property
    def all(self) -> tuple[Account, ...]:
        return (self.head, self.north, self.south, self.hidden, self.foreign)


@pytest.fixture
def group(store: Store) -> Group:
    with store.write() as s:
        creditor = make.a_creditor(s)
        # A branch is older than its head office: locks go by id, not by who pays.
        north = make.an_account(s, creditor, name="Tidewater North")
        head = make.an_account(s, creditor, name="Tidewater Group Ltd")
        south = make.an_account(s, creditor, name="Tidewater South")
        hidden = make.an_account(s, creditor, name="Tidewater West")
        foreign = make.an_account(s, creditor, name="Harbour & Sons Ltd")
        for branch, shown in ((north, True), (south, True), (hidden, False)):
            branch.payer_id, branch.shown_to_payer = head.id, shown
        for account, totals in ((head, [1000]), (north, [2000, 300]), (south, [4000]), (hidden, [5000])):
            for minor in totals:
                make.an_invoice(s, account, total=minor)
        make.an_invoice(s, foreign, total=700)
        make.an_invoice(s, south, total=900, currency="EUR")
    return Group(head, north, south, hidden, foreign)


def refs(store: Store, *accounts: Account) -> tuple[str, ...]:
    with store.read() as s:
        query = select(Invoice.ref).where(
            Invoice.account_id.in_([a.id for a in accounts]), Invoice.currency == "GBP"
        )
        return tuple(s.scalars(query.order_by(Invoice.id)))


def chosen(store: Store, *accounts: Account) -> Choice:
    return Choice("branches", "GBP", refs(store, *accounts))


def test_what_each_owes(store: Store, group: Group) -> None:
    """The head office first, then its branches by name, a view a currency; the hidden one is not there."""
    with store.read() as s:
        views = branches.views(s, make.holder_actor(group.head), account_id=group.head.id, now=NOON)
    by_currency = {view.currency: view for view in views}
    assert [(b.name, b.asked.minor) for b in by_currency["GBP"].branches] == [
        ("Tidewater Group Ltd", 1000), ("Tidewater North", 2300), ("Tidewater South", 4000),
    ]  # fmt: skip
    assert by_currency["GBP"].asked == Money(7300, "GBP")
    assert [b.name for b in by_currency["EUR"].branches] == ["Tidewater South"]


def test_who_pays_for_no_other_has_no_such_page(store: Store, group: Group) -> None:
    """L-15: a branch sees neither its head office nor another branch."""
    with store.read() as s:
        for account in (group.north, group.hidden, group.foreign):
            with pytest.raises(NotFound):
                branches.views(s, make.holder_actor(account), account_id=account.id, now=NOON)
            with pytest.raises(NotFound):
                branches.views(s, make.holder_actor(account), account_id=group.head.id, now=NOON)
        narrow = replace(make.holder_actor(group.head), scope=LinkScope.ONE_INVOICE)
        with pytest.raises(NotAllowed):
            branches.views(s, narrow, account_id=group.head.id, now=NOON)


def test_ticks_are_names_of_theirs_only(store: Store, group: Group) -> None:
    with store.read() as s:
        view = branches.views(s, make.holder_actor(group.head), account_id=group.head.id, now=NOON)[-1]
    north = refs(store, group.north)
    assert branches.chosen_refs(view, [group.north.ref], north[:1]) == north
    assert branches.chosen_refs(view, [], north[1:]) == north[1:]
    for branch_refs, invoice_refs in (
        ([group.hidden.ref], []),
        ([], refs(store, group.hidden)),
        ([], refs(store, group.foreign)),
    ):
        with pytest.raises(NotFound):
            branches.chosen_refs(view, branch_refs, invoice_refs)


def test_one_payment_credited_branch_by_branch(store: Store, group: Group) -> None:
    """INV-3, INV-7: receivables of each branch fall in its own account; the payment is the head office's."""
    payment = pay(store, group.head, chosen(store, group.head, group.north, group.south))
    assert payment.amount_minor == 7300
    assert [balances(store, a) for a in group.all] == [[0], [0, 0], [0, 900], [5000], [700]]
    with store.read() as s:
        assert len(s.scalars(select(Payment)).all()) == 1
        for invoice, posted_to in s.execute(
            select(Invoice, Posting.account_id)
            .join(Posting, Posting.invoice_id == Invoice.id)
            .where(Posting.ledger_code == LedgerCode.RECEIVABLES)
        ):
            assert posted_to == invoice.account_id
        assert sum(s.scalars(select(Allocation.amount_minor))) == 7300
        assert ledger.wrong_balances(s) == []
        assert not any(ledger.trial_balance(s).values())


def test_each_branch_is_told_of_its_own(store: Store, group: Group) -> None:
    """Part 7: a line and an e-mail for each branch, with its own sum and documents; told once."""
    payment = pay(store, group.head, chosen(store, group.north, group.south))
    with store.write() as s:
        branch_notices.tell_branches(s, s.get_one(Payment, payment.id), now=NOON)
        messages = s.scalars(select(Message).where(Message.kind == "paid_by_head_office")).all()
        assert {m.account_id for m in messages} == {group.north.id, group.south.id}
        assert len(messages) == 2
        values = {
            m.account_id: letters.compose(
                s, m, link="https://x.example/l/t", link_expires_at=None, stop=None, now=NOON
            ).values
            for m in messages
        }
        lines = s.scalars(select(Interaction).where(Interaction.kind == "payment.by_head_office")).all()
    assert values[group.north.id]["paid_amount"] == Money(2300, "GBP")
    assert len(values[group.north.id]["allocation_list"]) == 2
    assert values[group.south.id]["paid_amount"] == Money(4000, "GBP")
    assert sorted((i.account_id, i.facts["amount_minor"]) for i in lines) == sorted(
        [(group.north.id, 2300), (group.south.id, 4000)]
    )


def test_too_much_is_the_head_office_s_credit(store: Store, database_url: str, group: Group) -> None:
    """M-09: what is left over belongs to who paid."""
    pay(store, group.head, chosen(store, group.north), came=Money(2350, "GBP"))
    with store.read() as s:
        assert ledger.unapplied_credit(s, group.head.id) == [Money(50, "GBP")]
        assert ledger.unapplied_credit(s, group.north.id) == []
    prove(database_url)


@pytest.mark.parametrize("who", ["hidden", "foreign"])
def test_nobody_else_s_invoice_can_be_chosen(store: Store, group: Group, who: str) -> None:
    """L-15: refused by the rules, not only by the page."""
    with pytest.raises(Refused) as refused:
        pay(store, group.head, chosen(store, group.north, getattr(group, who)))
    assert refused.value.code == "invoice_not_open"


def test_a_branch_pays_nothing_of_another(store: Store, group: Group) -> None:
    for other in (group.head, group.south):
        with pytest.raises(Refused):
            pay(store, group.north, chosen(store, other))


def test_the_sum_that_was_read_or_none(store: Store, group: Group) -> None:
    """WCAG 3.3.4: another sum than the reviewed one is refused."""
    choice = replace(chosen(store, group.north), amount=Money(2299, "GBP"))
    with pytest.raises(Refused) as refused:
        pay(store, group.head, choice)
    assert refused.value.code == "choice_changed"


def test_an_attempt_in_the_way_is_not_shown_to_the_branch(store: Store, group: Group) -> None:
    """L-15, P-22: the branch learns that it is being checked, not by whom nor for how much."""
    gateway = ToldGateway()
    started = starting.start(
        store, gateway, make.holder_actor(group.head), chosen(store, group.north, group.south),
        account_id=group.head.id, zone="Europe/London", nonce="n", language="en", title="N", note=None,
        base_url="http://127.0.0.1:9", now=NOON,
    )  # fmt: skip
    paid = a_truth(started.ref, RemoteState.SUCCEEDED, a_charge(started.ref, Money(6300, "GBP")))
    gateway.truths = [paid]
    with pytest.raises(Refused) as refused:
        starting.start(
            store, gateway, make.holder_actor(group.north), Choice("all", "GBP"), account_id=group.north.id,
            zone="Europe/London", nonce="m", language="en", title="N", note=None,
            base_url="http://127.0.0.1:9", now=NOON,
        )  # fmt: skip
    assert (refused.value.code, refused.value.facts) == ("already_paid", {"ref": None})
    assert balances(store, group.north) == [0, 0]


def test_head_office_and_branches_at_once(store: Store, group: Group) -> None:
    """M-07, M-10: settled by the head office while branches start: no deadlock, nothing twice."""
    gateway = ToldGateway()
    started = starting.start(
        store, gateway, make.holder_actor(group.head), chosen(store, group.head, group.north, group.south),
        account_id=group.head.id, zone="Europe/London", nonce="n", language="en", title="N", note=None,
        base_url="http://127.0.0.1:9", now=NOON,
    )  # fmt: skip
    gateway.truths = [a_truth(started.ref, RemoteState.SUCCEEDED, a_charge(started.ref, Money(7300, "GBP")))]

    def act(n: int) -> object:
        if n % 2:
            return settling.settle(store, gateway, started.ref, now=NOON)
        account = (group.north, group.south)[n // 2 % 2]
        return starting.start(
            store, gateway, make.holder_actor(account), Choice("all", "GBP"), account_id=account.id,
            zone="Europe/London", nonce=f"race-{n}", language="en", title="N", note=None,
            base_url="http://127.0.0.1:9", now=NOON,
        )  # fmt: skip

    for outcome in together(6, act):
        assert not isinstance(outcome, Exception) or isinstance(outcome, Refused), outcome
    assert [balances(store, a)[0] for a in (group.head, group.north, group.south)] == [0, 0, 0]
    with store.read() as s:
        assert len(s.scalars(select(Payment)).all()) == 1
        assert ledger.wrong_balances(s) == []
