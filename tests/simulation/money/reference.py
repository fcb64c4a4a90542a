"""What must be true of the books, kept in plain integers by somebody who never read the code.

One `Reference` for one account and currency. It is told what came, what was credited, agreed and taken back,
and says what must be open on each document, what must be unapplied, and which parts of a plan must be paid.
The rules are those of domain.md: a debtor's direction first, oldest due first, never below nil, the excess
unapplied; an offer takes no more than it asks for and forgives only when the money is in; what goes back is
taken from what is unapplied of that payment first, then from where it went last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass
class Bill:
    """One document; `order` is its place when the oldest comes first."""

    key: int
    total: int
    order: int
    credited: int = 0
    forgiven: int = 0
    paid: int = 0

    @property
    def open(self) -> int:
        return self.total - self.credited - self.forgiven - self.paid


@dataclass
class Paid:
    """One charge in the books: where it went, what of it is unapplied, what went back."""

    charge_id: str
    minor: int
    in_time_of: date
    valued_on: date
    shares: list[Share] = field(default_factory=list)  # in the order they were put
    free: int = 0
    gone: int = 0
    beyond: int = 0


@dataclass
class Share:
    """What of a charge is on one document; `turn` tells what came before what."""

    bill: int
    minor: int
    turn: int


@dataclass
class Taken:
    """What went back of a charge and may be given back: from where it was taken."""

    charge_id: str
    minor: int
    pieces: dict[int, int]
    beyond: int  # what stands open still of what nothing was left for


@dataclass
class Own:
    """Credit that we send back to a card: `under_way`, `paid_out` or `failed`."""

    charge_id: str
    minor: int
    status: str = "under_way"


@dataclass
class Agreed:
    """An accepted offer."""

    offer_id: int
    bills: Sequence[int]
    minor: int
    pay_by: date
    since: int  # the turn in which it was accepted
    status: str = "accepted"
    forgave: dict[int, int] = field(default_factory=dict)


@dataclass
class Parts:
    """A plan that was agreed: its parts and what it covers of each document."""

    plan_id: int
    parts: Sequence[int]
    covers: dict[int, int]
    status: str = "active"
    frozen: int | None = None  # parts paid when it was cancelled: nothing counts for it afterwards

    @property
    def total(self) -> int:
        return sum(self.parts)

    @property
    def runs(self) -> bool:
        return self.status in ("active", "defaulted")

    @property
    def is_counted(self) -> bool:
        return self.status in ("active", "defaulted", "completed")

    def follow(self, status: str, model: Reference) -> None:
        """Take over a status that the days have brought."""
        if status == "cancelled" and self.frozen is None:
            self.frozen = model.parts_paid(self)
        self.status = status


class Reference:
    """One account's money."""

    def __init__(self, bills: Sequence[Bill]) -> None:
        self.bills = {bill.key: bill for bill in bills}
        self.paid: dict[str, Paid] = {}
        self.offers: dict[int, Agreed] = {}
        self.plans: dict[int, Parts] = {}
        self.taken: dict[int, Taken] = {}
        self.refunds: dict[str, Own] = {}
        self.turn = 0

    # ------------------------------------------------------------- what must be

    @property
    def unapplied(self) -> int:
        return sum(paid.free for paid in self.paid.values()) - self.refunded

    @property
    def refunded(self) -> int:
        """Credit that is on its way back or has arrived there."""
        return sum(own.minor for own in self.refunds.values() if own.status != "failed")

    @property
    def sent(self) -> int:
        """Credit that has left the gateway."""
        return sum(own.minor for own in self.refunds.values() if own.status == "paid_out")

    def left_of(self, charge_id: str) -> int:
        """What of a charge has not gone back in any way."""
        own = sum(o.minor for o in self.refunds.values() if o.charge_id == charge_id and o.status != "failed")
        return max(self.paid[charge_id].minor - self.paid[charge_id].gone - own, 0)

    def free_of(self, charge_id: str) -> int:
        """What of a charge is credit still: what we sent back is taken off the oldest ones."""
        gone = self.refunded
        for paid in sorted(self.paid.values(), key=lambda p: p.valued_on):
            lost = min(gone, paid.free)
            gone -= lost
            if paid.charge_id == charge_id:
                return paid.free - lost
        raise KeyError(charge_id)

    def received(self, offer: Agreed) -> int:
        """What came in time for an accepted offer."""
        return sum(
            share.minor for paid in self.paid.values() if paid.in_time_of <= offer.pay_by
            for share in paid.shares if share.bill in offer.bills and share.turn > offer.since
        )  # fmt: skip

    def came(self, plan: Parts) -> int:
        """What a plan's documents are less by than when it was agreed."""
        return sum(covered - min(covered, self.bills[key].open) for key, covered in plan.covers.items())

    def parts_paid(self, plan: Parts) -> int:
        """How many of a plan's parts must be paid, the first ones first."""
        if plan.frozen is not None:
            return plan.frozen
        so_far, count = 0, 0
        for minor in plan.parts:
            so_far += minor
            count += self.came(plan) >= so_far
        return count

    def is_in_the_way_of(self, plan: Parts) -> bool:
        """Whether another running plan covers a document of this one."""
        return any(
            other is not plan and other.runs and other.covers.keys() & plan.covers.keys()
            for other in self.plans.values()
        )

    # ------------------------------------------------------------- what happens

    def book(
        self,
        charge_id: str,
        minor: int,
        directed: dict[int, int],
        *,
        on: date,
        valued_on: date,
        for_nothing: bool = False,
    ) -> None:
        """Money came.

        Args:
            directed: what was meant for each document.
            on: the day on which it was begun or taken, whichever is first.
            valued_on: the day on which it was taken.
            for_nothing: it pays what was paid already: all of it waits for a person.
        """
        assert charge_id not in self.paid, f"{charge_id} is booked twice"
        self.turn += 1
        paid, left = Paid(charge_id, minor, on, valued_on), minor
        limits = {
            bill: (offer, offer.minor - self.received(offer))
            for offer in self.offers.values()
            if offer.status == "accepted" and on <= offer.pay_by
            for bill in offer.bills
        }
        used: dict[int, int] = {}
        meant = [] if for_nothing else [bill for bill in self.bills.values() if directed.get(bill.key)]
        for bill in sorted(meant, key=lambda b: b.order):
            part = min(left, directed[bill.key], bill.open)
            if bill.key in limits:
                offer, most = limits[bill.key]
                # What the offer still asks for is given out to its documents oldest first.
                room = max(most - used.get(offer.offer_id, 0), 0)
                used[offer.offer_id] = used.get(offer.offer_id, 0) + min(bill.open, room)
                part = min(part, room)
            if part > 0:
                bill.paid += part
                paid.shares.append(Share(bill.key, part, self.turn))
                left -= part
        paid.free = left
        self.paid[charge_id] = paid
        self._settle()

    def credit(self, bill: int, minor: int) -> None:
        """A credit note was recorded."""
        self.bills[bill].credited += minor
        assert self.bills[bill].open >= 0
        self._settle()

    def accept(self, offer: Agreed) -> None:
        self.offers[offer.offer_id] = offer

    def _settle(self) -> None:
        """An offer forgives what is left once its sum is in, or nothing is open any more."""
        for offer in self.offers.values():
            if offer.status != "accepted":
                continue
            rest = {key: self.bills[key].open for key in offer.bills}
            if self.received(offer) >= offer.minor or not any(rest.values()):
                for key, minor in rest.items():
                    self.bills[key].forgiven += minor
                offer.forgave, offer.status = rest, "settled"

    def take_back(self, taking: int, charge_id: str, minor: int) -> None:
        """Money of a charge went back: what is unapplied of it first, then where it went last."""
        paid = self.paid[charge_id]
        paid.gone += minor
        taken, left = self._take(charge_id, minor)
        paid.beyond += left
        taken.beyond = left
        self.taken[taking] = taken
        self._reopen(taken)

    def take_late(self, taking: int, completes: int, minor: int) -> None:
        """What had left twice is taken of what came back; it went before, so that no money goes now."""
        parent = self.taken[completes]
        assert minor <= parent.beyond, f"taken late {minor}, and only {parent.beyond} had left twice"
        taken, left = self._take(parent.charge_id, minor)
        assert not left, f"taken late {minor}, and {left} of it is not there"
        parent.beyond -= minor
        self.paid[parent.charge_id].beyond -= minor
        self.taken[taking] = taken
        self._reopen(taken)
        self._settle()

    def _take(self, charge_id: str, minor: int) -> tuple[Taken, int]:
        self.turn += 1
        paid, left = self.paid[charge_id], minor
        part = min(left, self.free_of(charge_id))
        paid.free, left = paid.free - part, left - part
        taken = Taken(charge_id, minor, {}, 0)
        for share in reversed(paid.shares):
            part = min(left, share.minor)
            if part:
                share.minor -= part
                self.bills[share.bill].paid -= part
                taken.pieces[share.bill] = taken.pieces.get(share.bill, 0) + part
                left -= part
        paid.shares = [share for share in paid.shares if share.minor]
        return taken, left

    def _reopen(self, taken: Taken) -> None:
        for offer in self.offers.values():
            # What was forgiven for money that is gone is owed again.
            touched = offer.status == "settled" and taken.pieces.keys() & set(offer.bills)
            if touched and self.received(offer) < offer.minor:
                for key, forgiven in offer.forgave.items():
                    self.bills[key].forgiven -= forgiven
                offer.forgave, offer.status = {}, "reopened"

    def give_back(self, taking: int, minor: int, *, settles: bool) -> None:
        """What was taken came back: to where it had been as far as that is open, else unapplied.

        What had left twice is filled up first. `settles`: nothing of it is taken late at once.
        """
        self.turn += 1
        taken = self.taken[taking]
        paid = self.paid[taken.charge_id]
        paid.gone -= minor
        filled = min(minor, taken.beyond)
        put = minor - filled
        taken.beyond -= filled
        paid.beyond -= filled
        for key in sorted(taken.pieces):
            part = min(put, taken.pieces[key], self.bills[key].open)
            if part:
                self.bills[key].paid += part
                taken.pieces[key] -= part
                paid.shares.append(Share(key, part, self.turn))
                put -= part
        paid.free += put
        if settles:
            self._settle()
