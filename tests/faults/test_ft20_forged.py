"""FT-20: forged, replayed, future-dated notifications, those of another account, and no secret at all (B20).

INV-5, INV-6: nothing is believed that is not signed for us now, and a repeat changes nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from config import Settings, SettingsError
from models.payments import InboxEvent, Payment, PaymentAttempt
from models.states import AttemptStatus
from tests.databases import fresh_database
from tests.faults import notices
from tests.faults.works import Works, start_works
from tests.standins import API_KEY, StandIn, start_stripe


def _about(works: Works) -> dict[str, Any]:
    account = works.account(57600)
    debtor = works.debtor(account)
    assert debtor.begin(debtor.review()) is not None
    (attempt,) = works.attempts(account)
    thing = {
        "id": attempt.remote_id, "object": "checkout.session", "payment_status": "paid", "status": "complete",
        "metadata": {"amicable": "1", "attempt": attempt.ref},
    }  # fmt: skip
    return notices.an_event(f"evt_forged_{attempt.id}", "checkout.session.completed", thing)


def _kept(works: Works, event_id: str) -> int:
    rows = select(func.count()).where(InboxEvent.event_id == event_id)
    return int(works.look(lambda s: s.scalar(rows)) or 0)


def test_what_is_not_signed_for_us_now_is_refused(works: Works) -> None:
    """FT-20, B20: other secret, no signature, old, a year ahead, a body changed on its way: 400, no row."""
    event = _about(works)
    now = time.time()
    assert notices.post(works, event, secret="whsec_of_nobody") == 400  # noqa: S106 - a forger's
    assert notices.post(works, event, header="") == 400
    assert notices.post(works, event, header=f"t={int(now)},v1={'0' * 64}") == 400
    assert notices.post(works, event, at=now - 301) == 400
    assert notices.post(works, event, at=now + 365 * 86400) == 400
    assert notices.post(works, event | {"livemode": True}) == 400
    assert notices.post(works, event, account="nobody") == 404  # no gateway account has this name
    assert _kept(works, event["id"]) == 0
    works.prove()


def test_a_signed_lie_and_its_replay_change_nothing(works: Works) -> None:
    """FT-20: "paid", rightly signed, of a page that nobody paid: the gateway is asked, and says no."""
    event = _about(works)
    assert [notices.post(works, event) for _ in range(5)] == [200] * 5
    assert _kept(works, event["id"]) == 1
    works.prove()
    ref = event["data"]["object"]["metadata"]["attempt"]
    paid = select(func.count()).select_from(Payment).join(PaymentAttempt).where(PaymentAttempt.ref == ref)
    assert works.look(lambda s: s.scalar(paid)) == 0


#: The second business on the same installation, with its own signing secret.
OTHER, OTHER_SECRET = "other", "whsec_of_the_second_account"


class TestTwoAccounts:
    """A second gateway account with keys of its own, behind a gateway of its own."""

    @pytest.fixture
    def other(self, tmp_path: Path) -> Iterator[StandIn]:
        gateway = start_stripe(tmp_path)
        yield gateway
        gateway.stop()

    @pytest.fixture
    def works(
        self, database: str, other: StandIn, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Works]:
        folder = tmp_path_factory.mktemp("two")
        with fresh_database(database, folder) as url:
            works = start_works(
                folder, url, AMICABLE_STRIPE_OTHER_SECRET_KEY=API_KEY,
                AMICABLE_STRIPE_OTHER_WEBHOOK_SECRET=OTHER_SECRET,
                AMICABLE_STRIPE_OTHER_API_BASE=other.url,
            )  # fmt: skip
            yield works
            works.close()

    def test_what_another_account_signs_about_our_attempt(self, works: Works, other: StandIn) -> None:
        """FT-20, B20: rightly signed by it, kept, parked as unknown; it is asked and sent nothing of ours."""
        event = _about(works)
        assert notices.post(works, event) == 200, "ours, for comparison: open it is and stays"
        forged = event | {"id": "evt_of_another"}
        assert notices.post(works, forged, account=OTHER) == 400, "not with our secret"
        assert notices.post(works, forged, account=OTHER, secret=OTHER_SECRET) == 200
        works.park(forged["id"])
        ours = ("/v1/checkout/", "/v1/payment_intents", "/v1/charges")
        assert [a for a in _asked(other) if a[0] != "GET" or a[1].startswith(ours)] == []
        named = PaymentAttempt.ref == event["data"]["object"]["metadata"]["attempt"]
        attempt = works.look(lambda s: s.scalars(select(PaymentAttempt).where(named)).one())
        assert (attempt.status, attempt.gateway_account) == (AttemptStatus.OPEN, "default")
        assert works.alerts("event_not_understood") == 1
        works.prove()


def _asked(gateway: StandIn) -> list[tuple[str, str]]:
    """What a gateway was asked so far: method and path."""
    with closing(sqlite3.connect(gateway.db_path)) as db:
        return list(db.execute("SELECT method, path FROM request ORDER BY seq"))


@pytest.mark.parametrize("missing", ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"])
def test_a_missing_secret_refuses_to_start(works: Works, missing: str) -> None:
    """FT-20, B20: a key without its secret, or a secret without its key, starts nothing."""
    told = {k: v for k, v in works.environment.items() if k in Settings.model_fields}
    with pytest.raises(SettingsError, match=missing):
        Settings.load(**told | {missing: None})
    works.proved = True
