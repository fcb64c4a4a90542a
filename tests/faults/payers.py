"""What debtors, staff and the gateway's Dashboard do in the long fault run, one act after the other."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from models.accounts import Account
from models.money import Money
from models.states import AttemptStatus
from receivables import credit_notes
from receivables.errors import Refused
from receivables.permissions import SYSTEM
from tests.faults.debtors import CONFIRMED, DECLINED, GOOD, LOST, Debtor, LineBroke
from tests.faults.works import Works

CARDS = (GOOD, GOOD, GOOD, DECLINED, CONFIRMED, "debit")
CURRENCIES = ("GBP", "GBP", "EUR", "JPY", "KWD", "HUF", "ISK")
AMOUNTS = {"GBP": 57600, "EUR": 84240, "JPY": 5000, "KWD": 12340, "HUF": 5760000, "ISK": 5000}

T = TypeVar("T")


class Payers:
    """Everybody who acts.

    Attributes:
        told: how many visits ended how, as the debtor was told.
        acts: what staff and the Dashboard did: kind -> how often.
        over: set when nobody begins anything any more.
    """

    def __init__(self, works: Works) -> None:
        self.works = works
        self.told: Counter[str] = Counter()
        self.acts: Counter[str] = Counter()
        self.over = threading.Event()
        self._turn = threading.Lock()

    def one(self, luck: random.Random) -> None:
        """One debtor comes, pays or not, and goes."""
        try:
            said = self._visit(luck)
        except LineBroke:
            said = "line broke"
        except RuntimeError:
            said = "page ended"
        with self._turn:
            self.told[said] += 1

    def _visit(self, luck: random.Random) -> str:
        currency = luck.choice(CURRENCIES)
        account = self._try(lambda: self.works.account(Money(AMOUNTS[currency], currency)))
        debtor = self._try(lambda: self.works.debtor(account))
        card = luck.choice(CARDS) if currency == "EUR" else luck.choice(CARDS[:-1])
        way, after = luck.random(), luck.random()
        if way < 0.1:
            return self._credited(debtor, account, currency)
        if way < 0.25:
            return self._two_windows(debtor, account, currency)
        said = debtor.pay(card=card, currency=currency)
        for _ in range(luck.randrange(4)):
            if said in ("ok", "nothing"):
                break
            said = debtor.pay(currency=currency)
        if said == "ok" and after < 0.1:
            self._back(account, "refund" if after < 0.06 else "dispute", luck)
        return said

    def _try(self, act: Callable[[], T]) -> T:
        """Do what needs the database, which may be away for a while.

        Raises: LineBroke: the run is over meanwhile.
        """
        while True:
            try:
                return act()
            except SQLAlchemyError as error:
                if self.over.wait(0.2):
                    raise LineBroke("the database is away") from error

    def _acted(self, kind: str) -> None:
        with self._turn:
            self.acts[kind] += 1

    def _credited(self, debtor: Debtor, account: Account, currency: str) -> str:
        """Staff credit the invoice while its page is open, and the page is paid all the same."""
        page = _begin(debtor, currency)
        invoice = self._try(lambda: self.works.invoice(account))
        note = partial(
            credit_notes.record_credit_note, actor=SYSTEM, invoice_ref=invoice.ref, number=f"CN-{invoice.id}",
            amount=Money(invoice.total_minor // 200 * 100, currency), reason="Wet", now=datetime.now(UTC),
        )  # fmt: skip
        with suppress(Refused):  # the line was cut at the commit, and it is there already
            self._try(lambda: self.works.house.store.run(note))
        self._acted("credit note under an open page")
        return debtor.finish(page) if page else "refused"

    def _two_windows(self, debtor: Debtor, account: Account, currency: str) -> str:
        """One debtor opens two pages and pays the first, or both."""
        other = self._try(lambda: self.works.debtor(account))
        first, second = (_begin(d, currency) for d in (debtor, other))
        self._acted("two windows")
        said = debtor.finish(first) if first else "refused"
        if second and second != first:
            with suppress(RuntimeError):  # it was ended
                other.finish(second)
        return said

    def _back(self, account: Account, how: str, luck: random.Random) -> None:
        """A part goes back from the Dashboard, or the payer contests it, and sometimes loses."""
        refs = {
            a.ref for a in self._try(lambda: self.works.attempts(account))
            if a.status is AttemptStatus.SUCCEEDED
        }  # fmt: skip
        for charge in self.works.charges_of(refs):
            part = charge["amount"] // 200 * 100
            with suppress(*LOST):
                thing = self.works.stripe.control(how, charge=charge["id"], amount=part)
                self._acted(f"{how} at the gateway")
                if how == "dispute" and luck.random() < 0.6:
                    outcome = luck.choice(("won", "lost"))
                    self.works.stripe.control("dispute", dispute=thing["id"], outcome=outcome)
                    self._acted(f"dispute {outcome}")


def _begin(debtor: Debtor, currency: str) -> str | None:
    """The hosted page, or None: told no, or there is nothing that can be paid now."""
    fields = debtor.review(currency)
    return debtor.begin(fields) if fields else None
