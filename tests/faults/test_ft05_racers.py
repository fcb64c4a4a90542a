"""FT-05: two tabs, two devices, a double click, a colleague and the plan's own charge, for one debt (B3).

INV-3, INV-7: whoever is first, nothing is paid twice; if two did pay, the second is credit and a task.
"""

from __future__ import annotations

from collections.abc import Callable

from models.states import AttemptStatus
from tests.effort import LONG
from tests.faults.debtors import Debtor, LineBroke
from tests.faults.works import Works
from tests.races import together
from tests.receivables.arrangements.card_world import World, a_world
from tests.standins import pay_on_page

REPEATS = 50 if LONG else 2
RACERS = 8


def test_windows_and_a_double_click(works: Works) -> None:
    """FT-05: eight racers for one invoice: three devices with a tab or two, and one form sent twice."""
    for _ in range(REPEATS):
        account = works.account(57600)
        devices = [works.debtor(account) for _ in range(4)]
        form = devices[0].review()
        assert form
        racers: list[Callable[[], object]] = [
            *(lambda d=devices[0], f=form: _double(d, f) for _ in range(2)),
            *(lambda d=d: _pays(d) for d in (*devices[1:], *devices[1:])),
        ]
        ended = together(RACERS, lambda n, r=racers: r[n]())
        assert not [one for one in ended if isinstance(one, Exception)], ended
        if not any(a.status is AttemptStatus.SUCCEEDED for a in works.attempts(account)):
            works.quiet()
            assert _pays(devices[1]) == "ok"
        assert works.open_minor(account) == 0
        # One form is one attempt, however often it is sent (M-06).
        assert len({a.form_nonce for a in works.attempts(account)}) == len(works.attempts(account))
    works.prove()
    charges = [c for c in works.stripe_objects("charge") if c["status"] == "succeeded"]
    assert len({c["payment_intent"] for c in charges}) == len(charges)


def _double(debtor: Debtor, form: list[tuple[str, str]]) -> str:
    twin = Debtor(debtor.port, debtor.token, debtor.log, dict(debtor.cookies), debtor.csrf, True)
    page = twin.begin(form)
    try:
        return twin.finish(page) if page else "refused"
    except (LineBroke, RuntimeError) as error:
        return str(error)


def _pays(debtor: Debtor) -> str:
    twin = Debtor(debtor.port, debtor.token, debtor.log)
    try:
        return twin.pay()
    except (LineBroke, RuntimeError) as error:  # the page was ended or paid by another one
        return str(error)


def test_a_plan_charges_while_its_debtor_pays(works: Works) -> None:
    """FT-05, B3: the saved card is charged and the debtor pays the same instalment by hand, at once."""
    for repeat in range(REPEATS):
        world = a_world(works.house.store, works.stripe)
        world.save()
        started = world.start(nonce=f"hand-{world.account.id}-{repeat}")
        assert started.url is not None
        url = started.url
        ended = together(3, lambda n, w=world, u=url: (w.charge, w.charge, lambda: _by_hand(w, u))[n]())
        assert not [one for one in ended if isinstance(one, Exception)], ended
        world.settle(started.ref)
        world.recount()
        assert world.part().status.value == "paid"
        assert sum(c.credited for c in world.charges()) <= 1
        assert world.taken() >= 60000
    works.prove()


def _by_hand(world: World, url: str) -> str:
    try:
        return pay_on_page(url)
    except RuntimeError as error:
        return str(error)
