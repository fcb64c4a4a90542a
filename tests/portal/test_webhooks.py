"""Notifications of the gateway: believed when signed, kept before they are answered (P-08, P-10)."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from app import create_app
from gateways.stripe.payments import StripePayments
from jobs import worker
from models.accounts import Account
from models.invoices import Invoice
from models.payments import InboxEvent, Payment
from models.states import AttemptStatus, InboxStatus
from receivables.payments import attempts, starting
from receivables.payments.quotes import Choice
from sandbox.stripe.webhooks import signature
from tests import factories as make
from tests.portal.conftest import Portal, portal_on
from tests.standins import API_KEY, WEBHOOK_SECRET, pay_on_page, start_stripe

ADDRESS = "/webhooks/stripe/default"


def an_event(**more: Any) -> dict[str, Any]:
    thing = {"id": "cs_1", "object": "checkout.session", "metadata": {"amicable": "1", "attempt": "abc"}}
    return {
        "id": "evt_1", "object": "event", "type": "checkout.session.completed", "created": 1760000000,
        "livemode": False, "data": {"object": thing}, **more,
    }  # fmt: skip


def deliver(
    portal: Portal,
    event: Any,
    *,
    address: str = ADDRESS,
    secret: str = WEBHOOK_SECRET,
    age: int = 0,
    header: str | None = None,
    **headers: str,
) -> TestResponse:
    """Post an event as Stripe does, signed so many seconds ago."""
    payload = event if isinstance(event, str) else json.dumps(event)
    signed = signature(payload, secret, int(portal.clock.at.timestamp()) - age) if header is None else header
    return portal.app.test_client().post(
        address,
        data=payload,
        content_type="application/json",
        headers={"Stripe-Signature": signed, **headers},
    )


def kept(portal: Portal) -> list[InboxEvent]:
    with portal.store.read() as s:
        return list(s.scalars(select(InboxEvent).order_by(InboxEvent.id)))


def test_a_signed_one_is_kept_and_answered(portal: Portal) -> None:
    """P-10: committed before the answer; nothing else is done in the request."""
    answer = deliver(portal, an_event())
    assert (answer.status_code, answer.text) == (200, "kept\n")
    [row] = kept(portal)
    assert (row.event_id, row.status, row.gateway_account) == ("evt_1", InboxStatus.RECEIVED, "default")
    assert (row.attempt_ref, row.tagged, json.loads(row.payload)) == ("abc", True, an_event())
    assert "Set-Cookie" not in answer.headers


def test_a_repeat_is_answered_alike(portal: Portal) -> None:
    assert [deliver(portal, an_event()).status_code for _ in range(3)] == [200] * 3
    assert len(kept(portal)) == 1


def test_foreign_and_unknown_ones_are_kept(portal: Portal) -> None:
    """P-13, P-14: 2xx for whatever is signed, or the gateway would send it for days."""
    foreign = an_event(id="evt_2", data={"object": {"id": "cs_9", "object": "checkout.session"}})
    invented = an_event(id="evt_3", type="next_year.thing", data={"object": {"a": [1]}})
    long = an_event(id="evt_" + "x" * 4096)
    assert [deliver(portal, e).status_code for e in (foreign, invented, long)] == [200] * 3
    assert [row.tagged for row in kept(portal)] == [False, False, True]


@pytest.mark.parametrize(
    ("event", "how"),
    [
        (an_event(), {"header": ""}),
        (an_event(), {"header": "t=1,v1=abc"}),
        (an_event(), {"secret": "whsec_of_nobody"}),
        (an_event(), {"age": 301}),
        (an_event(), {"age": -301}),
        (an_event(livemode=True), {}),
        ("{}", {}),
        ("[]", {}),
        ("not json", {}),
    ],
)
def test_what_is_not_believed_leaves_nothing(
    portal: Portal, event: Any, how: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """P-08, FT-20: 400, no row, a line in the log for the one who watches, without the signature."""
    caplog.set_level(logging.INFO)
    answer = deliver(portal, event, **how)
    assert (answer.status_code, answer.text) == (400, "not signed\n")
    assert kept(portal) == []
    assert "webhook refused" in caplog.text
    assert "v1=" not in caplog.text


def test_an_altered_byte(portal: Portal) -> None:
    """P-08: the raw bytes are what was signed, not what they mean."""
    payload = json.dumps(an_event())
    signed = signature(payload, WEBHOOK_SECRET, int(portal.clock.at.timestamp()))
    assert deliver(portal, payload + " ", header=signed).status_code == 400
    assert deliver(portal, payload, header=signed).status_code == 200


def test_without_keys_there_is_no_address(portal_without_keys: Portal) -> None:
    """Decision 24."""
    assert deliver(portal_without_keys, an_event()).status_code == 404
    assert kept(portal_without_keys) == []


def test_an_account_that_we_do_not_have(portal: Portal) -> None:
    assert deliver(portal, an_event(), address="/webhooks/stripe/eu").status_code == 404
    assert kept(portal) == []


def test_each_account_has_its_own_secret(portal: Portal) -> None:
    """Decision 29: the address carries the name, and only that account's secret is believed there."""
    house = portal.app.extensions["amicable"]
    eu = StripePayments("eu", API_KEY, ["whsec_eu"], "http://127.0.0.1:9")
    app: Flask = create_app(house=replace(house, gateways={**house.gateways, "eu": eu}), CLOCK=portal.clock)
    there = replace(portal, app=app)
    address = "/webhooks/stripe/eu"
    assert deliver(there, an_event(), address=address).status_code == 400
    assert deliver(there, an_event(), address=address, secret="whsec_eu").status_code == 200  # noqa: S106
    assert [row.gateway_account for row in kept(portal)] == ["eu"]


def test_too_much_is_not_read(portal: Portal) -> None:
    """A megabyte is more than any event; 64 KB, the limit of forms, is not."""
    assert deliver(portal, an_event(more="x" * 100_000)).status_code == 200
    assert deliver(portal, an_event(id="evt_2", more="x" * 1_100_000)).status_code == 413
    assert len(kept(portal)) == 1


def test_only_posts(portal: Portal) -> None:
    assert portal.app.test_client().get(ADDRESS).status_code == 405


def test_reports_of_browsers_are_noted_masked(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    """L-12: a report holds the page's address; the formatter takes the token out of it."""
    import logs

    caplog.set_level(logging.WARNING)
    report = {"csp-report": {"document-uri": "http://localhost/l/abcdefghijklmnop", "blocked-uri": "inline"}}
    answer = portal.app.test_client().post("/csp-report", data=json.dumps(report))
    assert answer.status_code == 204
    lines = [logs.JsonLines().format(record) for record in caplog.records]
    assert any("blocked-uri" in line for line in lines)
    assert not any("abcdefghijklmnop" in line for line in lines)


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The application on a port, as a gateway reaches it."""

    class Quiet(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Writes nothing."""

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_from_the_gateways_own_delivery_to_the_books(tmp_path: Path) -> None:
    """P-09, P-10, FT-11 in small: repeated, out of order and once badly signed: paid once."""
    stripe = start_stripe(tmp_path)
    with contextmanager(portal_on)(tmp_path, stripe) as portal:
        found: list[Invoice] = []

        def fill(session: Session, account: Account) -> None:
            found.append(make.an_invoice(session, account, total=57600, now=portal.clock.at))

        account = portal.account(fill)
        house = portal.app.extensions["amicable"]
        with serving(portal.app) as url:
            stripe.fault("webhook:*", "bad_signature", count=1)
            stripe.fault("webhook:checkout.session.completed", "duplicate", count=1, n=5)
            stripe.control("webhooks", url=url + ADDRESS, secret=WEBHOOK_SECRET)
            started = starting.start(
                portal.store, house.gateways["default"], make.holder_actor(account), Choice("all", "GBP"),
                account_id=account.id, zone=account.zone, nonce="n1", language="en", title="Northgate",
                note=None, base_url=url, now=portal.clock.at,
            )  # fmt: skip
            assert started.url
            pay_on_page(started.url)
            while stripe.control("flush")["pending"]:
                pass
        assert {row.type for row in kept(portal)} >= {"checkout.session.completed", "charge.updated"}
        assert len({row.event_id for row in kept(portal)}) == len(kept(portal))
        while worker.take_events(house, worker="w", now=portal.clock.at):
            pass
        assert {row.status for row in kept(portal)} == {InboxStatus.DONE}
        with portal.store.read() as s:
            assert attempts.find_attempt(s, started.ref).status is AttemptStatus.SUCCEEDED
            assert len(s.scalars(select(Payment)).all()) == 1
            assert s.get_one(Invoice, found[0].id).balance_minor == 0
    stripe.stop()
