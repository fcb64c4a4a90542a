"""The address to which the SMS provider's adapter posts (C-07)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from gateways.sms_inbound import SignedSms, sign
from models.inbound import InboundMessage
from models.links import Channel
from portal import sms_inbound
from receivables.contact import consents
from tests.portal.conftest import Portal, portal_on
from tests.portal.test_links import everything

SECRET, PHONE = "s" * 32, "+441134960142"
ADDRESS = "/webhooks/sms"


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    """Without payment keys, with a secret of the SMS provider's adapter."""
    for portal in portal_on(tmp_path, None):
        house = portal.app.extensions["amicable"]
        portal.app.extensions["amicable"] = replace(house, sms_desk=SignedSms([SECRET]))
        portal.account(phone=PHONE)
        yield portal
        portal.app.extensions["amicable"] = house


def post(portal: Portal, said: Any, *, secret: str = SECRET, **headers: str) -> TestResponse:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    signed = sign(body, secret, int(portal.clock.at.timestamp()))
    return portal.app.test_client().post(
        ADDRESS, data=body, content_type="application/json", headers={"Amicable-Signature": signed, **headers}
    )


STOP = {"id": "SM1", "kind": "message", "from": PHONE, "text": "STOP"}


def is_out(portal: Portal) -> bool:
    with portal.store.read() as s:
        return consents.has_opted_out(s, PHONE, Channel.SMS)


def test_a_signed_stop_is_obeyed_before_it_is_answered(portal: Portal) -> None:
    """No form of ours, no cookie, from another site: the signature alone counts; a repeat is one."""
    for _ in range(2):
        answer = post(portal, STOP, **{"Sec-Fetch-Site": "cross-site"})
        assert (answer.status_code, answer.text) == (200, "kept\n")
        assert "Set-Cookie" not in answer.headers
    assert is_out(portal)
    with portal.store.read() as s:
        assert len(s.scalars(select(InboundMessage)).all()) == 1


def test_unsigned_unreadable_and_too_large_change_nothing(portal: Portal) -> None:
    before = everything(portal.store)
    assert post(portal, STOP, secret="x" * 32).status_code == 400
    assert portal.app.test_client().post(ADDRESS, json=STOP).status_code == 400
    assert post(portal, {"kind": "message"}).status_code == 400
    assert post(portal, b"x" * (sms_inbound.MAX_BODY + 1)).status_code == 413
    assert portal.app.test_client().get(ADDRESS).status_code == 405
    assert everything(portal.store) == before


def test_a_stranger_learns_nothing(portal: Portal) -> None:
    """The answer is the same whether we know the number or not."""
    known, unknown = post(portal, STOP), post(portal, {**STOP, "id": "SM9", "from": "+4915112345678"})
    assert (known.status_code, known.data) == (unknown.status_code, unknown.data)


def test_without_a_secret_there_is_no_such_address(portal: Portal) -> None:
    house = portal.app.extensions["amicable"]
    portal.app.extensions["amicable"] = replace(house, sms_desk=None)
    assert post(portal, STOP).status_code == 404
    assert not is_out(portal)
