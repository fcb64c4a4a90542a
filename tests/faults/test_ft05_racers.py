"""FT-05: two tabs, two devices, a double click, a colleague and the plan's own charge, for one debt (B3).

INV-3, INV-7, INV-12: whoever is first, nothing is taken twice; where two did pay, the second is credit and
a task.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import select

from models.money import Money
from models.states import AttemptStatus, InstalmentStatus
from models.work import Task, TaskKind
from receivables import credit_notes, ledger
from receivables.permissions import SYSTEM
from tests.effort import LONG
from tests.faults.debtors import Debtor, LineBroke
from tests.faults.works import Works
from tests.races import together
from tests.receivables.arrangements.card_world import World, a_world

REPEATS = 50 if LONG else 2
RACERS = 8
OWED, PART = 57600, 60000
START = "/account/pay/start"
Meeting = Callable[[], object]


def test_windows_and_a_double_click(works: Works) -> None:
    """FT-05: eight racers for one invoice, a form sent twice, tabs, devices, a colleague: one charge."""
    for repeat in range(REPEATS):
        account = works.account(OWED)
        devices = [works.debtor(account) for _ in range(2)]
        colleague = works.colleague(account)
        forms = [(d, d.review()) for d in (*devices, *devices, *devices, colleague)]
        meet = _meeting(repeat)
        racers = [
            partial(_pays, debtor, form, meet=meet) for debtor, form in (forms[0], *forms)
        ]  # the first form is sent twice
        ended = together(RACERS, lambda n, r=racers: r[n]())
        assert not [one for one in ended if isinstance(one, Exception)], ended
        if not any(a.status is AttemptStatus.SUCCEEDED for a in works.attempts(account)):
            works.quiet()
            assert colleague.pay() == "ok"
        assert works.open_minor(account) == 0
        attempts = works.attempts(account)
        # One form is one attempt, however often it is sent (M-06).
        assert len({a.form_nonce for a in attempts}) == len(attempts)
        assert [charge["amount"] for charge in works.charges_of(a.ref for a in attempts)] == [OWED]
    works.prove()


def _meeting(repeat: int) -> Meeting:
    """Where racers wait for each other between opening a page and paying on it, every other time."""
    barrier = threading.Barrier(RACERS)
    return (lambda: barrier.wait(600)) if repeat % 2 else (lambda: None)


def _pays(debtor: Debtor, form: list[tuple[str, str]], at: str = START, *, meet: Meeting) -> str:
    """Send a form that was read and pay on the page that it opens, in a tab of its own."""
    assert form
    tab = Debtor(debtor.port, debtor.token, debtor.log, dict(debtor.cookies), debtor.csrf, True)
    try:
        page = tab.begin(form, at=at)
    except LineBroke:
        page = None
    meet()
    try:
        return tab.finish(page) if page else "refused"
    except (LineBroke, RuntimeError) as error:  # the page was ended or paid by another one
        return str(error)


def test_two_who_did_pay(works: Works) -> None:
    """FT-05, M-10: a page to be ended is paid after a colleague paid: the second is credit and a task."""
    account = works.account(OWED)
    first, colleague = works.debtor(account), works.colleague(account)
    page = first.begin(first.review())
    assert page is not None
    invoice = works.invoice(account)
    works.halt_workers()  # so that nobody ends the page at the gateway
    works.house.store.run(
        lambda s: credit_notes.record_credit_note(
            s, SYSTEM, invoice.ref, number=f"CN-{invoice.id}", amount=Money(7600, "GBP"), reason="Wet",
            now=datetime.now(UTC),
        )
    )  # fmt: skip
    assert colleague.pay() == "ok"
    first.pay_hosted(page)
    works.quiet()
    charges = works.charges_of(a.ref for a in works.attempts(account))
    assert sorted(charge["amount"] for charge in charges) == [OWED - 7600, OWED]
    assert works.open_minor(account) == 0
    assert works.look(lambda s: ledger.unapplied_credit(s, account.id)) == [Money(OWED, "GBP")]
    tasks = select(Task).where(
        Task.account_id == account.id, Task.kind == TaskKind.UNAPPLIED_MONEY, Task.done_at.is_(None)
    )
    assert [task.facts["amount_minor"] for task in works.look(lambda s: s.scalars(tasks).all())] == [OWED]
    works.prove()


def test_a_plan_charges_while_its_debtor_pays(works: Works) -> None:
    """FT-05, B3: two workers charge the saved card and six racers pay by hand: each part is paid once."""
    for repeat in range(REPEATS):
        world = a_world(works.house.store, works.stripe)
        world.save()
        devices = [works.debtor(world.account) for _ in range(2)]
        colleague = works.colleague(world.account)
        at = f"/account/plans/{world.plan.ref}/pay"
        forms = [(d, _review_part(d, at)) for d in (*devices, *devices, colleague)]
        meet = _meeting(repeat)
        racers: list[Callable[[], object]] = [
            partial(_charges, world, meet, before=True),
            partial(_charges, world, meet, before=False),
            *(partial(_pays, debtor, form, at, meet=meet) for debtor, form in (forms[0], *forms)),
        ]
        ended = together(RACERS, lambda n, r=racers: r[n]())
        assert not [one for one in ended if isinstance(one, Exception)], ended
        works.quiet()
        if world.part().status is not InstalmentStatus.PAID:
            assert _pays(colleague, _review_part(colleague, at), at, meet=lambda: None) == "ok"
        paid = [world.part(seq).status is InstalmentStatus.PAID for seq in (1, 2, 3)]
        # Whoever was slower may pay the next part, never the same one twice.
        assert paid == sorted(paid, reverse=True)
        assert paid[0]
        assert world.taken() == PART * sum(paid)
        assert world.unapplied() == []
        assert _taken_by_itself(works, world) in (0, PART)
    works.prove()


def _charges(world: World, meet: Meeting, *, before: bool) -> object:
    """Charge the card of the plan before or after the racers meet."""
    if not before:
        meet()
    charged = world.charge()
    if before:
        meet()
    return charged


def _review_part(debtor: Debtor, at: str) -> list[tuple[str, str]]:
    """Come to the last page before paying a plan's next part; its fields."""
    debtor.enter()
    return debtor.get(f"{at}?what=next").fields


def _taken_by_itself(works: Works, world: World) -> int:
    """What the plan's own charges took, minor units."""
    own = {charge.attempt_id for charge in world.charges()}
    charges = works.charges_of(a.ref for a in world.attempts() if a.id in own)
    return sum(charge["amount"] for charge in charges)
