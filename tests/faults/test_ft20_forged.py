"""FT-20: forged, replayed, future-dated notifications, those of another account, and no secret at all (B20).

INV-5, INV-6: nothing is believed that is not signed for us now, and a repeat changes nothing.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import func, select

from config import Settings, SettingsError
from models.payments import InboxEvent, Payment, PaymentAttempt
from tests.faults import notices
from tests.faults.works import Works


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
    assert notices.post(works, event, account="another") == 404
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


@pytest.mark.parametrize("missing", ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"])
def test_a_missing_secret_refuses_to_start(works: Works, missing: str) -> None:
    """FT-20, B20: a key without its secret, or a secret without its key, starts nothing."""
    told = {k: v for k, v in works.environment.items() if k in Settings.model_fields}
    with pytest.raises(SettingsError, match=missing):
        Settings.load(**told | {missing: None})
    works.proved = True
