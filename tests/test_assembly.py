"""Assembly: which parts are chosen by which settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assembly import House, assemble
from config import Settings
from gateways.mail import SmtpMail
from gateways.sms import SinkSms
from gateways.stripe.payments import StripePayments


def build(folder: Path, **more: Any) -> House:
    settings = Settings.load(
        **{
            "AMICABLE_ENV": "test", "DATABASE_URL": f"sqlite:///{folder}/new/deep/amicable.db",
            "SECRET_KEY": "k" * 40, **more,
        }
    )  # fmt: skip
    return assemble(settings)


STAND_INS = {
    "STRIPE_SECRET_KEY": "sk_test_sandbox_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "AMICABLE_STRIPE_API_BASE": "http://127.0.0.1:9",
    "SMTP_URL": "smtp://127.0.0.1:9",
    "SMS_URL": "sink://127.0.0.1:9",
}


def test_with_nothing_set_the_house_stands(tmp_path: Path) -> None:
    """Decision 24: no gateway, no carriers, and a folder for the first database."""
    house = build(tmp_path)
    assert (house.gateways, house.mail, house.sms) == ({}, None, None)
    assert house.gateway("default") is None
    assert (tmp_path / "new" / "deep").is_dir()
    with house.store.read() as session:
        assert session.connection().exec_driver_sql("SELECT 1").scalar() == 1
    house.store.dispose()


def test_with_stand_ins(tmp_path: Path) -> None:
    house = build(tmp_path, **STAND_INS)
    assert isinstance(house.gateway("default"), StripePayments)
    assert isinstance(house.mail, SmtpMail)
    assert isinstance(house.sms, SinkSms)
    house.store.dispose()


def test_a_gateway_for_each_account(tmp_path: Path) -> None:
    """Decision 29: by the name that creditors have; live is what its own key says."""
    eu = {"AMICABLE_STRIPE_EU_SECRET_KEY": "sk_live_eu", "AMICABLE_STRIPE_EU_WEBHOOK_SECRET": "whsec_eu"}
    house = build(tmp_path, **STAND_INS, **eu)
    assert set(house.gateways) == {"default", "eu"}
    assert [(g.name, g.live) for g in house.gateways.values()] == [("default", False), ("eu", True)]
    assert house.gateway("us") is None
    house.store.dispose()


LISTED = {"AMICABLE_ALLOW_TO": "qa@northgate.example,+441134960142"}
RELAY = {"SMTP_URL": "smtps://mail.northgate.example"}
PRODUCTION = {
    "AMICABLE_ENV": "production",
    "BASE_URL": "https://pay.northgate.example",
    "AMICABLE_SINGLE_HOST": "yes",
    "AMICABLE_TRUSTED_PROXIES": "1",
    **RELAY,
}


@pytest.mark.parametrize(
    ("more", "address", "sms", "may"),
    [
        (PRODUCTION, "helen@tidewater.example", False, True),
        (STAND_INS, "helen@tidewater.example", False, True),
        (STAND_INS | {"AMICABLE_ENV": "demo"}, "helen@tidewater.example", False, True),
        (STAND_INS, "+441134960142", True, True),
        (RELAY, "helen@tidewater.example", False, False),
        (RELAY | LISTED, "QA@northgate.example", False, True),
        (RELAY | LISTED, "qa@northgate.example.evil.example", False, False),
        (STAND_INS | {"AMICABLE_ENV": "staging"}, "helen@tidewater.example", False, False),
        (STAND_INS | LISTED | {"AMICABLE_ENV": "staging"}, "qa@northgate.example", False, True),
        (STAND_INS | {"AMICABLE_ENV": "staging"}, "+441134960199", True, True),
        ({}, "helen@tidewater.example", False, False),
    ],
)  # fmt: skip
def test_who_may_be_written_to(
    tmp_path: Path, more: dict[str, Any], address: str, sms: bool, may: bool
) -> None:
    """Decision 21: outside production the stand-in or the list; in staging loopback may be a true relay."""
    house = build(tmp_path, **more)
    assert house.may_deliver_to(address, sms) is may
    house.store.dispose()
