"""Keys and broken lines: what the SDK sees when the network or the service misbehaves."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.conformance.conftest import sdk
from tests.standins import StandIn, get_page, pay_on_page, start_stripe

Order = Callable[..., dict[str, Any]]
CREATE = "checkout.sessions.create"


def _open(client: stripe.StripeClient, params: dict[str, Any], key: str) -> Any:
    return client.v1.checkout.sessions.create(params, {"idempotency_key": key})  # type: ignore[arg-type]


def _count(client: stripe.StripeClient) -> int:
    return len(client.v1.checkout.sessions.list({"limit": 100}).data)


def test_a_key_replays_although_its_expiry_has_come_too_near(
    standin: StandIn, client: stripe.StripeClient, order: Order
) -> None:
    """The key is looked up before the clock is: a retry 15 minutes later still finds its session."""
    params = order()
    first = _open(client, params, "k")
    standin.control("advance", seconds=15 * 60)
    assert _open(client, params, "k").id == first.id


def test_keys_are_forgotten_after_a_day(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-03: a retry 25 hours later makes a second object."""
    made = [client.v1.customers.create({"name": "Mill"}, {"idempotency_key": "k"}).id]
    for hours in (23, 2):
        standin.control("advance", seconds=hours * 3600)
        made.append(client.v1.customers.create({"name": "Mill"}, {"idempotency_key": "k"}).id)
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize(
    ("kind", "made"), [("timeout_before", 0), ("drop", 0), ("timeout_after", 1), ("error_500", 0)]
)
def test_whatever_breaks_the_retry_with_the_same_key_makes_one_session(
    standin: StandIn, client: stripe.StripeClient, order: Order, kind: str, made: int
) -> None:
    """P-01, P-02: unknown outcome, one session in the end."""
    standin.fault(CREATE, kind)
    params = order()
    with pytest.raises((stripe.APIConnectionError, stripe.APIError)):
        _open(client, params, "k")
    assert _count(client) == made
    assert _open(client, params, "k").status == "open"
    assert _count(client) == 1


def test_a_stored_server_error_is_replayed(
    standin: StandIn, client: stripe.StripeClient, order: Order
) -> None:
    """P-03: 500s included; only a new key gets on."""
    standin.fault(CREATE, "error_500", stored=True)
    params = order()
    for _ in range(2):
        with pytest.raises(stripe.APIError) as broken:
            _open(client, params, "k")
        assert broken.value.http_status == 500
    assert _open(client, params, "k2").status == "open"


@pytest.mark.parametrize(("kind", "error"), [("429", stripe.RateLimitError), ("409", stripe.APIError)])
def test_busy_answers_leave_the_key_free(
    standin: StandIn, client: stripe.StripeClient, order: Order, kind: str, error: type[Exception]
) -> None:
    standin.fault(CREATE, kind)
    params = order()
    with pytest.raises(error):
        _open(client, params, "k")
    assert _open(client, params, "k").status == "open"


def test_faults_strike_their_operation_and_their_count(
    standin: StandIn, client: stripe.StripeClient, order: Order
) -> None:
    standin.fault(CREATE, "429", count=2)
    client.v1.customers.list()
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            _open(client, order(), "k")
    _open(client, order(), "k")


def test_a_key_in_use_is_a_conflict(standin: StandIn, client: stripe.StripeClient, order: Order) -> None:
    """While the first call is still being worked on, the same key is answered 409; afterwards it replays."""
    standin.fault(CREATE, "slow", seconds=1)
    params, first = order(), []

    def call() -> None:
        with sdk(standin.url) as made:
            first.append(_open(made, params, "k").id)

    thread = threading.Thread(target=call)
    thread.start()
    while json.loads(get_page(f"{standin.url}/_sandbox/faults")[1])["faults"]:
        pass  # until the slow call has begun
    with pytest.raises(stripe.APIError) as busy:
        _open(client, params, "k")
    thread.join()
    error: Any = busy.value.json_body
    assert (busy.value.http_status, error["error"]["code"]) == (409, "idempotency_key_in_use")
    assert _open(client, params, "k").id == first[0]


def test_nothing_is_lost_when_the_process_is_killed(tmp_path: Path, order: Order) -> None:
    """A restart on the same file knows sessions, keys and clock."""
    params = order()
    first = start_stripe(tmp_path)
    with sdk(first.url) as made:
        opened = _open(made, params, "k")
        first.control("advance", days=0, seconds=600)
        first.kill()
    second = start_stripe(tmp_path, port=int(first.url.rsplit(":", 1)[1]))
    try:
        with sdk(second.url) as made:
            assert _open(made, params, "k").id == opened.id
            assert pay_on_page(opened.url).startswith("http://portal.example/")
            customer = made.v1.customers.create({})
            assert customer.created >= int(time.time()) + 590
    finally:
        second.stop()


def test_calls_are_kept_for_the_checker(standin: StandIn, client: stripe.StripeClient, order: Order) -> None:
    """The `request` table tells effect, replay, refusal and a cut line apart."""
    params = order()
    standin.fault(CREATE, "timeout_after")
    with pytest.raises(stripe.APIConnectionError):
        _open(client, params, "k")
    _open(client, params, "k")
    with pytest.raises(stripe.InvalidRequestError):
        _open(client, order(locale="he"), "k2")
    db = sqlite3.connect(standin.db_path)
    rows = db.execute(
        "SELECT status, effect, replayed, fault, idempotency_key, body FROM request ORDER BY seq"
    ).fetchall()
    db.close()
    assert [row[:5] for row in rows] == [
        (0, 1, 0, "timeout_after", "k"),
        (200, 0, 1, None, "k"),
        (400, 0, 0, None, "k2"),
    ]
    assert json.loads(rows[0][5])["metadata"] == {"attempt": "attempt-1"}
