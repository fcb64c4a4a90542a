"""After paying: thanks, the way back to the shop where it is in place, one question, nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.answers import HardshipCase, Survey
from models.arrangements import CreditHold
from models.disputes import Dispute, DisputeReason
from models.invoices import Invoice
from models.links import Channel
from models.payments import Payment, PaymentAttempt
from models.states import DisputeStatus, HoldStatus, RequestStatus
from receivables.payments.quotes import Choice
from receivables.policy import DEFAULT_BODY, publish
from tests.portal.conftest import Portal
from tests.portal.test_routes import statements
from tests.portal.visitor import words
from tests.receivables.paying import pay

SHOP = "https://northgate.example/shop"


@pytest.fixture
def paid(portal: Portal) -> Account:
    """Paid one invoice of two, at a creditor with a shop."""
    account = portal.account(
        lambda s, a: [portal.invoice(s, a, 10000, -3), portal.invoice(s, a, 5000, 9)],
        creditor={"shop_url": SHOP},
    )
    pay(portal.store, account, Choice("overdue", "GBP"), at=portal.clock.at)
    return account


def refs(portal: Portal) -> tuple[str, str]:
    with portal.store.read() as s:
        return (s.scalars(select(PaymentAttempt.ref)).one(), s.scalars(select(Payment.ref)).one())


def answers(portal: Portal) -> list[Survey]:
    with portal.store.read() as s:
        return list(s.scalars(select(Survey)))


def test_the_thanks_and_what_stands_beside(portal: Portal, paid: Account) -> None:
    """Part 11: in his own session the shop and one question; the answer is kept once."""
    attempt, payment = refs(portal)
    visitor = portal.visitor(paid)
    with statements(portal.store) as seen:
        page = visitor.get(f"/r/{attempt}")
    assert len(seen) <= 6, [s for _, s in seen]
    assert f'href="{SHOP}"' in page.text
    assert "How easy was it to pay?" in words(page)
    path = f"/account/survey/{payment}"
    assert visitor.post(path, {"score": "5", "comment": "quick, card 4242 4242 4242 4242"}).status_code == 303
    assert visitor.post(path, {"score": "1", "comment": "again"}).status_code == 303
    (kept,) = answers(portal)
    assert (kept.score, kept.comment) == (5, "quick, card •••• 4242")
    assert "Thank you, your answer has reached us" in words(visitor.get(path))
    assert "How easy" not in words(visitor.get(f"/r/{attempt}"))


def test_without_his_session_no_question(portal: Portal, paid: Account) -> None:
    """Decision 10: a stranger with the return id sees status, amount and creditor only."""
    attempt, payment = refs(portal)
    stranger = portal.visitor(portal.account())
    for visitor in (portal.visitor(), stranger):
        page = visitor.get(f"/r/{attempt}")
        assert "£100.00 is paid" in words(page)
        assert "How easy" not in words(page)
        assert payment not in page.text
    assert portal.visitor().get(f"/account/survey/{payment}").status_code == 401
    assert stranger.get(f"/account/survey/{payment}").status_code == 404
    assert stranger.post(f"/account/survey/{payment}", {"score": "3", "comment": ""}).status_code == 404
    copied = portal.visitor()
    copied.open(portal.link(paid, Channel.STAFF))
    assert "How easy" not in words(copied.get(f"/r/{attempt}"))
    assert copied.get(f"/account/survey/{payment}").status_code == 403
    assert answers(portal) == []


def _hold(s: Session, account: Account, portal: Portal) -> object:
    return CreditHold(
        account_id=account.id, status=HoldStatus.ACTIVE, reason="late", since_on=portal.today,
        release_minor=1, currency="GBP", placed_at=portal.clock.at,
    )  # fmt: skip


def _hardship(s: Session, account: Account, portal: Portal) -> object:
    return HardshipCase(
        account_id=account.id, status=RequestStatus.OPEN, words="ill", told_at=portal.clock.at,
        answer_by_on=portal.today,
    )  # fmt: skip


def _dispute(s: Session, account: Account, portal: Portal) -> object:
    query = select(Invoice).where(Invoice.account_id == account.id, Invoice.balance_minor > 0)
    invoice = s.scalars(query).one()
    return Dispute(
        account_id=account.id, invoice_id=invoice.id, status=DisputeStatus.OPENED, holds=True,
        reason=DisputeReason.DAMAGED, contested_minor=100, currency="GBP",
        answer_by_on=portal.today, opened_at=portal.clock.at,
    )  # fmt: skip


@pytest.mark.parametrize("open_matter", [_hold, _hardship, _dispute])
def test_no_shop_while_something_is_open(portal: Portal, paid: Account, open_matter: object) -> None:
    """Part 11: the way back to the shop never stands beside a hold, a hardship case or a dispute."""
    with portal.store.write() as s:
        s.add(open_matter(s, paid, portal))  # type: ignore[operator]
    page = portal.visitor(paid).get(f"/r/{refs(portal)[0]}")
    assert "is paid" in words(page)
    assert SHOP not in page.text


def test_a_policy_that_asks_nothing(portal: Portal, paid: Account) -> None:
    """Policy key after_paying.survey."""
    with portal.store.write() as s:
        publish(s, DEFAULT_BODY.replace("survey = true", "survey = false"), reason="less",
                author_id=None, now=portal.clock.at - timedelta(hours=1))  # fmt: skip
    assert "How easy" not in words(portal.visitor(paid).get(f"/r/{refs(portal)[0]}"))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"comment": "fine"}, "Choose a number from 1 to 5."),
        ({"score": "6", "comment": "fine"}, "Choose a number from 1 to 5."),
        ({"score": "12", "comment": "fine"}, "Choose a number from 1 to 5."),
        ({"score": "4", "comment": "x" * 1001}, "Please keep it to 1000 characters."),
    ],
)
def test_bad_input_comes_back_with_everything(
    portal: Portal, paid: Account, fields: dict[str, str], says: str
) -> None:
    """WCAG 3.3.1, 3.3.7: said at the top and at the field; what was typed stays."""
    path = f"/account/survey/{refs(portal)[1]}"
    visitor = portal.visitor(paid)
    visitor.get(path)
    answer = visitor.post(path, fields)
    assert answer.status_code == 422
    assert words(answer).count(says) == 2
    assert fields["comment"] in answer.text
    assert answers(portal) == []
