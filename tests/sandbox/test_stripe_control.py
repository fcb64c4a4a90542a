"""The levers, the safety catches and the command line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standins import ROOT, StandIn, call_api, get_page, post_form, start_stripe


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    running = start_stripe(tmp_path)
    yield running
    running.stop()


def _pull(standin: StandIn, lever: str, wish: dict[str, Any], **headers: str) -> int:
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{standin.url}/_sandbox/{lever}",
        data=json.dumps(wish).encode(),
        headers={"Content-Type": "application/json"} | headers,
    )
    return _status(request)


def _status(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(
    ("lever", "wish"),
    [
        ("advance", {"seconds": -1}),
        ("advance", {"days": "soon"}),
        ("faults", {"op": "checkout.sessions.burn", "kind": "drop"}),
        ("faults", {"op": "customers.create", "kind": "duplicate"}),
        ("faults", {"op": "webhook:*", "kind": "error_500"}),
        ("resend", {"event": "evt_nobody"}),
        ("webhooks", {"url": "file:///etc/passwd", "secret": "whsec_x"}),
        ("webhooks", {"url": "http://127.0.0.1:9/"}),
    ],
)
def test_wishes_without_sense_are_refused(standin: StandIn, lever: str, wish: dict[str, Any]) -> None:
    assert _pull(standin, lever, wish) == 400


def test_a_page_from_elsewhere_pulls_no_lever(standin: StandIn) -> None:
    assert _pull(standin, "advance", {"days": 1}, **{"Sec-Fetch-Site": "cross-site"}) == 404
    assert _pull(standin, "advance", {"days": 1}, **{"Sec-Fetch-Site": "same-origin"}) == 200


def test_faults_are_listed_and_taken_back(standin: StandIn) -> None:
    standin.fault("customers.create", "429", count=3, should_retry=True)
    listed = json.loads(get_page(f"{standin.url}/_sandbox/faults")[1])["faults"]
    assert listed == [
        {"op": "customers.create", "kind": "429", "remaining": 3, "options": {"should_retry": True}}
    ]
    assert standin.control("clear_faults") == {"faults": []}
    assert call_api(standin, "POST", "/v1/customers")[0] == 200


def test_the_human_page_shows_what_there_is(standin: StandIn) -> None:
    call_api(standin, "POST", "/v1/payment_intents", amount="1200", currency="gbp")
    page = get_page(f"{standin.url}/_sandbox/")[1]
    assert "GBP 12.00" in page
    assert "payment_intent.created" in page
    status, place = post_form(f"{standin.url}/_sandbox/advance", days="1")
    assert (status, place) == (303, f"{standin.url}/_sandbox/")


def test_the_human_page_has_the_dashboards_buttons(standin: StandIn) -> None:
    """A charge is refunded and contested, and its chargeback decided, by plain forms."""
    form = {"amount": "1200", "currency": "gbp", "payment_method": "pm_card_visa", "confirm": "true"}
    charge = call_api(standin, "POST", "/v1/payment_intents", **form)[1]["latest_charge"]
    assert f'value="{charge}"' in get_page(f"{standin.url}/_sandbox/")[1]
    assert post_form(f"{standin.url}/_sandbox/dispute", charge=charge)[0] == 303
    dispute = call_api(standin, "GET", "/v1/disputes")[1]["data"][0]["id"]
    assert f'value="{dispute}"' in get_page(f"{standin.url}/_sandbox/")[1]
    assert post_form(f"{standin.url}/_sandbox/dispute", dispute=dispute, outcome="won")[0] == 303
    assert post_form(f"{standin.url}/_sandbox/refund", charge=charge)[0] == 303
    assert "GBP 12.00" in get_page(f"{standin.url}/_sandbox/")[1]
    assert call_api(standin, "GET", "/v1/refunds")[1]["data"][0]["amount"] == 1200


def test_a_clock_of_its_own_survives_a_restart(tmp_path: Path) -> None:
    """Tests that live at another time start the stand-in there."""
    at = 1_772_000_000
    for _ in range(2):
        running = start_stripe(tmp_path, clock=at)
        created = call_api(running, "POST", "/v1/customers")[1]["created"]
        running.control("advance", days=1)
        running.stop()
        assert at <= created < at + 60
        at += 86_400


@pytest.mark.parametrize(
    "arguments",
    [
        ["--host", "0.0.0.0"],  # noqa: S104 - to be refused
        ["--api-key", "sk_live_1"],
        ["--api-key", "sk_test_51abc"],
        ["--webhook-url", "http://127.0.0.1:9/"],
    ],
)
def test_a_dangerous_command_line_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "sandbox.stripe", "--port", "0", "--db", str(tmp_path / "x"), *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)  # noqa: S603
    assert ended.returncode == 2
    assert not (tmp_path / "x").exists()


def test_only_the_given_key_is_taken(tmp_path: Path) -> None:
    running = start_stripe(tmp_path, api_key="sk_test_sandbox_mine")
    try:
        assert call_api(running, "GET", "/v1/balance", key="sk_test_sandbox_mine")[0] == 200
        assert call_api(running, "GET", "/v1/balance", key="sk_test_sandbox_other")[0] == 401
        assert call_api(running, "GET", "/v1/balance", key="")[0] == 401
        for token, status in (("c2tfdGVzdF9zYW5kYm94X21pbmU6", 200), ("c2tfbGl2ZV8xOg", 401), ("é", 401)):
            request = urllib.request.Request(  # noqa: S310 - loopback
                f"{running.url}/v1/balance", headers={"Authorization": f"Basic {token}"}
            )
            assert _status(request) == status
    finally:
        running.stop()


def test_the_log_has_one_line_for_each_call(tmp_path: Path) -> None:
    running = start_stripe(tmp_path, log=tmp_path / "calls.jsonl")
    try:
        made = call_api(running, "POST", "/v1/customers")[1]["id"]
        running.fault("balance.retrieve", "429")
        call_api(running, "GET", "/v1/balance")
    finally:
        running.stop()
    lines = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert [(line["method"], line["path"], line["status"], line["id"]) for line in lines] == [
        ("POST", "/v1/customers", 200, made),
        ("GET", "/v1/balance", 429, None),
    ]


def test_the_package_of_the_same_name_is_neither_used_nor_hidden() -> None:
    """The stand-in signs with its own HMAC; `import stripe` beside it still finds the SDK."""
    code = (
        "import sys, sandbox.stripe.__main__; assert 'stripe' not in sys.modules;"
        "import stripe; print(stripe.__file__); assert stripe.StripeClient"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)  # noqa: S603
    assert ended.returncode == 0, ended.stderr
    assert "sandbox" not in ended.stdout


def test_it_ends_in_good_order(tmp_path: Path) -> None:
    running = start_stripe(tmp_path)
    began = time.monotonic()
    running.stop()
    assert running.process.returncode == 0
    assert time.monotonic() - began < 10
