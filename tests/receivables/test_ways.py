"""Ways to pay: their order, the code for a bank's app, another device, a cheque announced."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import segno
from sqlalchemy import select

from models.accounts import Account, Contact
from models.links import Channel, Link, LinkScope
from models.money import Money
from models.pauses import Pause, PauseReason
from models.store import Store
from models.work import Task
from receivables import links, ways
from receivables.calendar_days import add_business_days
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.invoices import BankDetails
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON

BANK = BankDetails(
    currency="EUR", holder="Northgate Paper & Print Ltd", bank_name="Aire Bank",
    iban="IE64 IRCE 9205 0112 3456 78", bic="IRCEIE2D", local_number=None, reference="10012",
)  # fmt: skip
STERLING = replace(BANK, currency="GBP")


def kinds(country: str, amount: Money, bank: BankDetails | None, *, by_card: bool = True) -> list[str]:
    found = ways.ways(country, amount, default_policy(), bank=bank, by_card=by_card)
    return [way.kind.value for way in found]


@pytest.mark.parametrize(
    ("minor", "first"), [(100, "card"), (499999, "card"), (500000, "transfer"), (900000, "transfer")]
)
def test_a_transfer_comes_first_from_the_set_sum(minor: int, first: str) -> None:
    """Part 10, policy ways.transfer_first_above, to the unit."""
    assert kinds("GB", Money(minor, "GBP"), STERLING)[0] == first


def test_each_currency_by_its_own_scale() -> None:
    """5,000 units are ₪20,000; a currency without a scale keeps the card first."""
    assert kinds("IL", Money(1999999, "ILS"), STERLING)[0] == "card"
    assert kinds("IL", Money(2000000, "ILS"), STERLING) == ["transfer", "card", "cheque"]
    assert kinds("SE", Money(10**9, "SEK"), STERLING)[0] == "card"


def test_what_is_not_set_up_is_not_offered() -> None:
    """Decision 24: without keys the transfer alone; without a bank account no transfer goes first."""
    assert kinds("GB", Money(100, "GBP"), STERLING, by_card=False) == ["transfer"]
    assert kinds("GB", Money(900000, "GBP"), None) == ["card", "transfer"]


def payload(amount: Money) -> str:
    """The text of a European payment code, line for line as EPC069-12 has it."""
    whole = f"{amount.decimal:.2f}".rstrip("0").rstrip(".")
    lines = ["BCD", "002", "1", "SCT", "IRCEIE2D", BANK.holder, "IE64IRCE92050112345678", f"EUR{whole}"]
    return "\n".join([*lines, "", "", "10012"])


@pytest.mark.parametrize("minor", [1, 1450, 10000, 99_999_999_999])
def test_the_code_says_amount_receiver_and_reference(minor: int) -> None:
    """Stack.md section 8: the code that is drawn is the one of that text, and no other."""
    amount = Money(minor, "EUR")
    drawn = ways.epc_code(BANK, amount)
    assert drawn is not None
    same = segno.make_qr(payload(amount), error="m", encoding="utf-8", boost_error=False)
    assert modules(drawn) == modules(ways._svg(same))
    other = ways.epc_code(BANK, Money(minor - 1 or 2, "EUR"))
    assert other is not None
    assert modules(drawn) != modules(other)


def modules(svg: str) -> str:
    """The dark squares of a drawn code."""
    found = re.search(r'stroke="#000" d="([^"]+)"', svg)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("bank", "amount"),
    [
        (BANK, Money(100_000_000_000, "EUR")),
        (BANK, Money(0, "EUR")),
        (BANK, Money(100, "GBP")),
        (replace(BANK, iban=None, local_number="20-45-77 31884206"), Money(100, "EUR")),
    ],
)
def test_no_code_outside_its_limits(bank: BankDetails, amount: Money) -> None:
    assert ways.epc_code(bank, amount) is None


def test_the_drawing_obeys_the_page_s_policy() -> None:
    """L-12: no style attribute, no script, nothing fetched; a long holder's name is cut to what fits."""
    for svg in (
        ways.epc_code(replace(BANK, holder="שלום " * 30, bic="odd"), Money(1, "EUR")),
        ways.link_code("https://pay.example/l/" + "x" * 43),
    ):
        assert svg is not None
        assert svg.startswith("<svg ")
        assert not re.search(r"style|<script|href|url\(", svg)


# --------------------------------------------------------------------------- another device


def holder_of(store: Store, *, channel: Channel = Channel.EMAIL) -> tuple[Account, object, Link]:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        staff = make.staff_actor(make.a_person(s))
        link, _ = links.issue(
            s, staff if channel is Channel.STAFF else SYSTEM, account,
            contact=None if channel is Channel.STAFF else contact, channel=channel,
            policy=default_policy(), now=NOON,
        )  # fmt: skip
        actor = replace(make.holder_actor(account, contact), id=link.id, scope=link.scope)
        return account, actor, link


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.STAFF])
def test_a_short_lived_link_of_the_same_reach(store: Store, channel: Channel) -> None:
    """Part 10: the same contact and scope, minutes only; never wider than what it came from."""
    _, actor, link = holder_of(store, channel=channel)
    made, token = store.run(lambda s: ways.continue_elsewhere(s, actor, now=NOON))  # type: ignore[arg-type]
    assert (made.contact_id, made.scope, made.held_by_staff_id) == (
        link.contact_id, link.scope, link.held_by_staff_id,
    )  # fmt: skip
    assert made.expires_at == NOON + timedelta(minutes=10)
    assert made.token_digest == links.digest(token)
    with store.read() as s:
        assert links.look(s, token, now=NOON)


def test_it_never_outlives_what_it_came_from(store: Store) -> None:
    """L-03: a chain of codes does not lengthen a link."""
    _, actor, link = holder_of(store)
    almost = link.expires_at - timedelta(minutes=1)
    made, _ = store.run(lambda s: ways.continue_elsewhere(s, actor, now=almost))  # type: ignore[arg-type]
    assert made.expires_at == link.expires_at
    with pytest.raises(Refused) as refused:
        store.run(lambda s: ways.continue_elsewhere(s, actor, now=link.expires_at))  # type: ignore[arg-type]
    assert refused.value.code == "link_over"


# --------------------------------------------------------------------------- cheques


CHEQUE = ways.Cheque("10 0234", "Bank of the Valley", Money(50000, "ILS"), NOON.date() + timedelta(days=60))
ASKED = Money(50000, "ILS")


@pytest.fixture
def account(store: Store) -> Account:
    with store.write() as s:
        return make.an_account(s, make.a_creditor(s, country="IL"), zone="Asia/Jerusalem", language="he")


def announce(store: Store, account: Account, cheque: ways.Cheque = CHEQUE) -> Task:
    return store.run(
        lambda s: ways.announce_cheque(s, make.holder_actor(account), account, cheque, asked=ASKED, now=NOON)
    )


def test_a_person_is_told_and_reminders_wait(store: Store, account: Account) -> None:
    """Part 10: number, bank, amount and date reach a person; the chasing stands still for some days."""
    task = announce(store, account)
    assert announce(store, account).id == task.id
    assert task.facts["number"] == "10 0234"
    with store.read() as s:
        pause = s.scalars(select(Pause)).one()
        seen = ways.announced(s, make.holder_actor(account), account_id=account.id, now=NOON)
    assert (pause.reason, pause.from_on) == (PauseReason.SAYS_PAID, NOON.date())
    assert pause.to_on == add_business_days(NOON.date(), 5, "IL")
    assert list(seen) == [CHEQUE]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": " \u202e"}, "number_missing"),
        ({"number": "1" * 31}, "number_too_long"),
        ({"bank": ""}, "bank_missing"),
        ({"bank": "x" * 81}, "bank_too_long"),
        ({"amount": Money(0, "ILS")}, "amount_zero"),
        ({"amount": Money(50001, "ILS")}, "amount_above_balance"),
        ({"dated_on": NOON.date() - timedelta(days=1)}, "date_past"),
        ({"dated_on": NOON.date() + timedelta(days=367)}, "date_too_far"),
    ],
)
def test_a_cheque_that_cannot_be(
    store: Store, account: Account, change: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        announce(store, account, replace(CHEQUE, **change))  # type: ignore[arg-type]
    assert refused.value.code == code


def test_only_where_cheques_are_usual_and_only_by_himself(store: Store, account: Account) -> None:
    """Policy ways.cheques; L-15; decision 6."""
    with store.write() as s:
        british = make.an_account(s, make.a_creditor(s))
    with pytest.raises(Refused) as refused:
        announce(store, british)
    assert refused.value.code == "cheques_not_here"
    with store.write() as s:
        with pytest.raises(NotFound):
            ways.announced(s, make.holder_actor(british), account_id=british.id, now=NOON)
        with pytest.raises(NotFound):
            ways.announce_cheque(s, make.holder_actor(british), account, CHEQUE, asked=ASKED, now=NOON)
        narrow = replace(make.holder_actor(account), scope=LinkScope.VIEW_AND_PAY)
        with pytest.raises(NotAllowed):
            ways.announce_cheque(s, narrow, account, CHEQUE, asked=ASKED, now=NOON)
