"""Settings: what is refused at start, each by the name of its setting (decisions 21, 24, 29)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import web
from config import Settings, SettingsError

GOOD = {
    "AMICABLE_ENV": "production",
    "AMICABLE_TRUSTED_PROXIES": "1",
    "DATABASE_URL": "postgresql://amicable@db.northgate.example/amicable",
    "SECRET_KEY": "k" * 32,
    "BASE_URL": "https://pay.northgate.example",
    "STRIPE_SECRET_KEY": "sk_live_abc",
    "STRIPE_WEBHOOK_SECRET": "whsec_abc",
    "SMTP_URL": "smtp://user:password@mail.northgate.example:587",
}
SANDBOX = {
    "STRIPE_SECRET_KEY": "sk_test_sandbox_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "AMICABLE_STRIPE_API_BASE": "http://127.0.0.1:8001",
}


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that runs the tests, and a folder without a `.env`."""
    for name in list(os.environ):
        if name.startswith("AMICABLE_") or name in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def load(**more: Any) -> Settings:
    return Settings.load(**{k: v for k, v in (GOOD | more).items() if v is not None})


def refused(**more: Any) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load(**more)
    return error.value.lines


def test_a_good_production() -> None:
    settings = load()
    assert settings.is_production
    assert settings.secure_cookies
    assert (settings.base_url, settings.short_url) == (GOOD["BASE_URL"], GOOD["BASE_URL"])


@pytest.mark.parametrize(
    ("setting", "more"),
    [
        ("SECRET_KEY", {"SECRET_KEY": None}),
        ("SECRET_KEY", {"SECRET_KEY": "k" * 31}),
        ("BASE_URL", {"BASE_URL": "http://pay.northgate.example"}),
        ("BASE_URL", {"BASE_URL": "https://pay.northgate.example/portal"}),
        ("BASE_URL", {"BASE_URL": "https://"}),
        ("BASE_URL", {"BASE_URL": "https://pay.northgate.example?x=1"}),
        ("BASE_URL", {"BASE_URL": "https://user@pay.northgate.example"}),
        ("BASE_URL", {"BASE_URL": "pay.northgate.example"}),
        ("AMICABLE_SHORT_URL", {"AMICABLE_SHORT_URL": "http://n.example"}),
        ("AMICABLE_SHORT_URL", {"AMICABLE_SHORT_URL": "https://n.example/x"}),
        ("STRIPE_WEBHOOK_SECRET", {"STRIPE_WEBHOOK_SECRET": None}),
        ("STRIPE_WEBHOOK_SECRET", {"STRIPE_WEBHOOK_SECRET": ""}),
        ("STRIPE_WEBHOOK_SECRET", {"STRIPE_WEBHOOK_SECRET": " , "}),
        ("STRIPE_SECRET_KEY", {"STRIPE_SECRET_KEY": None}),
        ("AMICABLE_STRIPE_API_BASE", SANDBOX),
        ("AMICABLE_STRIPE_API_BASE", {"AMICABLE_STRIPE_API_BASE": "http://127.0.0.1:8001"}),
        ("STRIPE_SECRET_KEY", {"STRIPE_SECRET_KEY": "sk_test_sandbox_x"}),
        ("SMTP_URL", {"SMTP_URL": "mail.northgate.example"}),
        ("SMTP_URL", {"SMTP_URL": "smtp://"}),
        ("SMTP_URL", {"SMTP_URL": "smtp://127.0.0.1:1025"}),
        ("SMTP_URL", {"SMTP_URL": "smtp://localhost:1025"}),
        ("SMS_URL", {"SMS_URL": "sink://127.0.0.1:8002"}),
        ("SMS_URL", {"SMS_URL": "https://sms.example"}),
        ("AMICABLE_SCANNER", {"AMICABLE_SCANNER": "no-such-scanner --stdin"}),
        ("AMICABLE_IMAP_URL", {"AMICABLE_IMAP_URL": "https://post:secret@mail.northgate.example"}),
        ("AMICABLE_IMAP_URL", {"AMICABLE_IMAP_URL": "imaps://mail.northgate.example"}),
        ("AMICABLE_SMS_INBOUND_SECRET", {"AMICABLE_SMS_INBOUND_SECRET": "too short"}),
        ("AMICABLE_SMS_INBOUND_SECRET", {"AMICABLE_SMS_INBOUND_SECRET": f"{'s' * 32},short"}),
        ("AMICABLE_SCANNER", {"AMICABLE_SCANNER": "'unfinished"}),
        ("AMICABLE_SCANNER", {"AMICABLE_SCANNER": "clamd:3310"}),
        ("AMICABLE_SCANNER", {"AMICABLE_SCANNER": "clamd:///"}),
        ("AMICABLE_DEBUG", {"AMICABLE_DEBUG": True}),
        ("AMICABLE_FAULT", {"AMICABLE_FAULT": "settle.before_commit:kill"}),
        ("AMICABLE_GATEWAY_SECONDS", {"AMICABLE_GATEWAY_SECONDS": "1"}),
        ("DEMO_INSECURE", {"DEMO_INSECURE": True}),
        ("DATABASE_URL", {"DATABASE_URL": "sqlite:///amicable.db"}),
        ("AMICABLE_ENV", {"AMICABLE_ENV": "prod"}),
        ("AMICABLE_TRUSTED_PROXIES", {"AMICABLE_TRUSTED_PROXIES": "many"}),
        ("AMICABLE_TRUSTED_PROXIES", {"AMICABLE_TRUSTED_PROXIES": "-1"}),
        ("AMICABLE_TRUSTED_PROXIES", {"AMICABLE_TRUSTED_PROXIES": None}),
    ],
)  # fmt: skip
def test_production_refuses(setting: str, more: dict[str, Any]) -> None:
    """One thing is wrong: a line begins with the name of its setting, and no other line is there."""
    lines = refused(**more)
    assert {line.partition(":")[0] for line in lines} == {setting}


def test_each_wrong_setting_has_a_line_of_its_own() -> None:
    """Whoever installs mends all at once."""
    lines = refused(**{"SECRET_KEY": "short", "BASE_URL": "http://x.example", "AMICABLE_DEBUG": True})
    assert [line.partition(":")[0] for line in lines] == ["SECRET_KEY", "BASE_URL", "AMICABLE_DEBUG"]
    assert not any("\n" in line for line in lines)


def test_no_refusal_tells_a_secret() -> None:
    text = "\n".join(refused(**{"STRIPE_WEBHOOK_SECRET": None, "SECRET_KEY": "tooshortkey"}))
    assert "sk_live_abc" not in text
    assert "tooshortkey" not in text


def test_sqlite_by_one_host() -> None:
    """Decision 17: said out loud, it is allowed."""
    assert load(DATABASE_URL="sqlite:///amicable.db", AMICABLE_SINGLE_HOST="yes").AMICABLE_SINGLE_HOST


def test_without_stripe_keys() -> None:
    """Decision 24: production works without a gateway."""
    assert load(STRIPE_SECRET_KEY=None, STRIPE_WEBHOOK_SECRET=None).stripe_accounts == {}


@pytest.mark.parametrize("environment", ["demo", "test", "staging"])
def test_stand_ins_elsewhere(environment: str) -> None:
    settings = load(
        AMICABLE_ENV=environment, DATABASE_URL="sqlite:///x.db", BASE_URL="http://127.0.0.1:8000",
        SMTP_URL="smtp://127.0.0.1:8003", SMS_URL="sink://127.0.0.1:8002", **SANDBOX,
    )  # fmt: skip
    assert settings.stripe_accounts["default"].api_base == "http://127.0.0.1:8001"


@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x", "sk_test_x"])
def test_the_stand_in_never_sees_a_true_key(key: str) -> None:
    """Stripe.md 5, safety: a key of Stripe and an address of ours don't go together anywhere."""
    lines = refused(AMICABLE_ENV="test", **SANDBOX | {"STRIPE_SECRET_KEY": key})
    assert [line.partition(":")[0] for line in lines] == ["AMICABLE_STRIPE_API_BASE"]


def test_cookies_without_https_in_the_demo_only() -> None:
    settings = load(AMICABLE_ENV="demo", DEMO_INSECURE=True)
    assert not settings.secure_cookies
    assert refused(AMICABLE_ENV="staging", DEMO_INSECURE=True) == ["DEMO_INSECURE: only in the demo"]


class TestDotEnv:
    """Decision 29: a `.env` file is read in demo and development only."""

    def write(self) -> None:
        Path(".env").write_text(
            "BASE_URL=http://from-file.example\nAMICABLE_STRIPE_EU_SECRET_KEY=sk_live_file\n"
            "AMICABLE_STRIPE_EU_WEBHOOK_SECRET=whsec_file\nAMICABLE_ENV=demo\n"
        )

    def test_read_in_the_demo(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.write()
        monkeypatch.setenv("AMICABLE_ENV", "demo")
        settings = Settings.load(SECRET_KEY="k" * 32)
        assert settings.base_url == "http://from-file.example"
        assert settings.stripe_accounts["eu"].secret_key == "sk_live_file"  # noqa: S105

    def test_the_environment_is_stronger(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.write()
        monkeypatch.setenv("AMICABLE_ENV", "demo")
        monkeypatch.setenv("BASE_URL", "http://from-environment.example")
        monkeypatch.setenv("AMICABLE_STRIPE_EU_SECRET_KEY", "sk_live_environment")
        settings = Settings.load(SECRET_KEY="k" * 32)
        assert settings.base_url == "http://from-environment.example"
        assert settings.stripe_accounts["eu"].secret_key == "sk_live_environment"  # noqa: S105

    @pytest.mark.parametrize("said", ["production", None])
    def test_ignored_in_production(self, monkeypatch: pytest.MonkeyPatch, said: str | None) -> None:
        """Also when nothing is said, which is production."""
        self.write()
        for name, value in GOOD.items():
            monkeypatch.setenv(name, value)
        if said is None:
            monkeypatch.delenv("AMICABLE_ENV")
        settings = Settings.load()
        assert settings.is_production
        assert settings.base_url == "https://pay.northgate.example"
        assert set(settings.stripe_accounts) == {"default"}


class TestGatewayAccounts:
    """Decision 29: `default` uses STRIPE_*, others AMICABLE_STRIPE_<NAME>_*."""

    EU = {
        "AMICABLE_STRIPE_EU_SECRET_KEY": "sk_live_eu",
        "AMICABLE_STRIPE_EU_WEBHOOK_SECRET": "whsec_1, whsec_2",
    }
    NORTH_WEST = {
        "AMICABLE_STRIPE_NORTH_WEST_SECRET_KEY": "rk_live_nw",
        "AMICABLE_STRIPE_NORTH_WEST_WEBHOOK_SECRET": "whsec_nw",
    }

    def test_each_by_its_name(self) -> None:
        accounts = load(**self.EU, **self.NORTH_WEST).stripe_accounts
        assert list(accounts) == ["default", "eu", "north_west"]
        assert accounts["eu"].webhook_secrets == ("whsec_1", "whsec_2")
        assert accounts["eu"].api_base is None
        assert accounts["north_west"].secret_key == "rk_live_nw"  # noqa: S105

    def test_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in self.EU.items():
            monkeypatch.setenv(name, value)
        assert set(load().stripe_accounts) == {"default", "eu"}

    def test_ways_to_pay_of_each(self) -> None:
        """stripe.md 3: named by the settings; unsaid, the Dashboard decides."""
        ways = {"AMICABLE_STRIPE_PAYMENT_METHODS": "card, sepa_debit",
                "AMICABLE_STRIPE_NORTH_WEST_PAYMENT_METHODS": "card"}  # fmt: skip
        accounts = load(**self.EU, **self.NORTH_WEST, **ways).stripe_accounts
        assert [keys.payment_methods for keys in accounts.values()] == [("card", "sepa_debit"), (), ("card",)]
        for setting in ("AMICABLE_STRIPE_PAYMENT_METHODS", "AMICABLE_STRIPE_EU_PAYMENT_METHODS"):
            (line,) = refused(**self.EU, **{setting: "card,SEPA Debit"})
            assert line.startswith(f"{setting}: 'SEPA Debit' is no type")

    def test_the_pay_form_may_lead_to_an_own_domain_of_each(self) -> None:
        """stripe.md 3: a browser follows the form to no origin that the header does not name."""
        own = {"AMICABLE_STRIPE_CHECKOUT_ORIGIN": "https://pay.northgate.example/",
               "AMICABLE_STRIPE_EU_CHECKOUT_ORIGIN": "https://pay.eu.example:8443"}  # fmt: skip
        assert web.checkout_origins(load(**self.EU, **own)) == [
            "https://checkout.stripe.com", "https://pay.eu.example:8443", "https://pay.northgate.example",
        ]  # fmt: skip
        assert web.checkout_origins(load(**self.EU)) == ["https://checkout.stripe.com"]

    @pytest.mark.parametrize(
        "address",
        ["http://pay.northgate.example", "https://pay.northgate.example/c", "pay.northgate.example", "https://",
         "https://a.example; script-src *", "https://*", "https://user@a.example"],
    )  # fmt: skip
    def test_an_own_domain_is_an_https_origin(self, address: str) -> None:
        for setting in ("AMICABLE_STRIPE_CHECKOUT_ORIGIN", "AMICABLE_STRIPE_EU_CHECKOUT_ORIGIN"):
            (line,) = refused(**self.EU, **{setting: address})
            assert line == f"{setting}: must be https://host[:port] without a path"

    def test_without_a_default(self) -> None:
        accounts = load(STRIPE_SECRET_KEY=None, STRIPE_WEBHOOK_SECRET=None, **self.EU).stripe_accounts
        assert list(accounts) == ["eu"]

    @pytest.mark.parametrize(
        ("setting", "more"),
        [
            ("AMICABLE_STRIPE_EU_WEBHOOK_SECRET", {"AMICABLE_STRIPE_EU_SECRET_KEY": "sk_live_eu"}),
            ("AMICABLE_STRIPE_EU_SECRET_KEY", {"AMICABLE_STRIPE_EU_WEBHOOK_SECRET": "whsec_eu"}),
            ("AMICABLE_STRIPE_EU_API_BASE", {**EU, "AMICABLE_STRIPE_EU_API_BASE": "http://127.0.0.1:8001"}),
            ("AMICABLE_STRIPE_EU_SECRET_KEY", {**EU, "AMICABLE_STRIPE_EU_SECRET_KEY": "sk_test_sandbox_eu"}),
            ("AMICABLE_STRIPE_DEFAULT_…", {
                "AMICABLE_STRIPE_DEFAULT_SECRET_KEY": "sk_live_x",
                "AMICABLE_STRIPE_DEFAULT_WEBHOOK_SECRET": "whsec_x",
            }),
        ],
    )  # fmt: skip
    def test_refused_by_name(self, setting: str, more: dict[str, Any]) -> None:
        assert {line.partition(":")[0] for line in refused(**more)} == {setting}

    def test_no_test_key_in_production(self) -> None:
        """A test card would close real invoices."""
        (line,) = refused(**{**self.EU, "AMICABLE_STRIPE_EU_SECRET_KEY": "rk_test_eu"})
        assert line.startswith("AMICABLE_STRIPE_EU_SECRET_KEY: ")
        (line,) = refused(STRIPE_SECRET_KEY="sk_test_real")  # noqa: S106
        assert line.startswith("STRIPE_SECRET_KEY: ")

    def test_no_stand_in_in_production(self) -> None:
        more = {**self.EU, "AMICABLE_STRIPE_EU_SECRET_KEY": "sk_test_sandbox_eu",
                "AMICABLE_STRIPE_EU_API_BASE": "http://127.0.0.1:8001"}  # fmt: skip
        assert refused(**more) == ["AMICABLE_STRIPE_EU_API_BASE: no stand-in in production"]
        assert "eu" in load(AMICABLE_ENV="test", **more).stripe_accounts


def test_listed_addresses_are_folded() -> None:
    assert load(AMICABLE_ALLOW_TO=" QA@Northgate.example ,, b@x.example").allowed_recipients == {
        "qa@northgate.example", "b@x.example"
    }  # fmt: skip


@pytest.mark.parametrize(
    "named", ["clamd://127.0.0.1:3310", "clamd://clamav", "clamd:///run/clamd.ctl", "sh -c 'exit 0'", None]
)
def test_a_scanner_that_can_be_asked(named: str | None) -> None:
    """X-03: clamd's address or a program of this host."""
    scanner = load(AMICABLE_SCANNER=named).AMICABLE_SCANNER
    assert scanner == named


def test_every_setting_says_what_it_is() -> None:
    """Decision 29: each key has a description for the one who installs."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
