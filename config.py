"""Every setting, with its unit and default; no other file reads the environment (decision 29).

`Settings.load()` fails at start with one line for each setting that is wrong or missing.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SANDBOX_KEY = "sk_test_sandbox"
#: Keys of gateway accounts besides the default one (decision 29).
_FURTHER = re.compile(
    r"AMICABLE_STRIPE_([A-Z0-9]+(?:_[A-Z0-9]+)*)_(SECRET_KEY|WEBHOOK_SECRET|API_BASE|PAYMENT_METHODS|CHECKOUT_ORIGIN)"
)


class Environment(StrEnum):
    PRODUCTION = "production"
    STAGING = "staging"
    DEMO = "demo"
    TEST = "test"


class SettingsError(Exception):
    """Some settings are wrong; `lines` name each and say what to do."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class StripeKeys:
    """What one gateway account is reached with.

    Attributes:
        secret_key: sk_… or rk_….
        webhook_secrets: one or, while rotating, several whsec_….
        api_base: address of the local stand-in; None for Stripe itself.
        payment_methods: Stripe's types that a page may offer ("card", "sepa_debit", …), of those that the
            Dashboard has on; empty for all of these. "card" holds the wallets too.
        checkout_origin: https://host[:port] of the account's own domain for hosted pages; None without one.
    """

    secret_key: str
    webhook_secrets: tuple[str, ...]
    api_base: str | None
    payment_methods: tuple[str, ...] = ()
    checkout_origin: str | None = None


class Settings(BaseSettings):
    """What the installation is told from outside. Names are those of the environment."""

    model_config = SettingsConfigDict(case_sensitive=True, extra="ignore", frozen=True)

    AMICABLE_ENV: Environment = Field(Environment.PRODUCTION, description="production, staging, demo or test")
    DATABASE_URL: str = Field(
        "sqlite:///var/amicable.db", description="sqlite:///path or postgresql://user:password@host/name"
    )
    AMICABLE_OWNER_DATABASE_URL: str | None = Field(
        None, description="PostgreSQL role that may migrate; DATABASE_URL when unset"
    )
    SECRET_KEY: str = Field("", description="signs cookies; at least 32 characters, the same on every host")
    BASE_URL: str = Field("http://127.0.0.1:8000", description="public address, without a path")
    AMICABLE_SHORT_URL: str | None = Field(
        None, description="short address for links in SMS; BASE_URL when unset"
    )
    STRIPE_SECRET_KEY: str | None = Field(
        None, description="sk_… or rk_…; with STRIPE_WEBHOOK_SECRET or not at all"
    )
    STRIPE_WEBHOOK_SECRET: str | None = Field(
        None, description="whsec_…; several, separated by commas, while rotating"
    )
    AMICABLE_STRIPE_API_BASE: str | None = Field(None, description="address of the local stand-in")
    AMICABLE_STRIPE_PAYMENT_METHODS: str = Field(
        "",
        description="ways to pay that the hosted page may offer, Stripe's types separated by commas (card,"
        " sepa_debit); all that are switched on in the Dashboard when unset",
    )
    AMICABLE_STRIPE_CHECKOUT_ORIGIN: str | None = Field(
        None,
        description="https://host of a custom domain of Stripe's hosted page, where browsers would not follow"
        " the Pay button otherwise; checkout.stripe.com needs no word",
    )
    further_stripe: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="more gateway accounts, by name: AMICABLE_STRIPE_<NAME>_SECRET_KEY, _WEBHOOK_SECRET,"
        " _API_BASE, _PAYMENT_METHODS and _CHECKOUT_ORIGIN belong to the creditors whose gateway account is"
        " <name>",
    )
    SMTP_URL: str | None = Field(
        None, description="smtp://user:password@host:587 (STARTTLS) or smtps://…; no mail when unset"
    )
    SMS_URL: str | None = Field(None, description="sink://127.0.0.1:port; no SMS when unset")
    AMICABLE_IMAP_URL: str | None = Field(
        None,
        description="imaps://user:password@host:993/FOLDER where replies and bounces arrive (INBOX when no"
        " folder is named), or imap://… (STARTTLS); replies are not read when unset",
    )
    AMICABLE_SMS_INBOUND_SECRET: str | None = Field(
        None,
        description="signs what the SMS provider's adapter posts to /webhooks/sms: replies and statuses; at"
        " least 32 characters; several, separated by commas, while rotating; nothing is taken when unset",
    )
    AMICABLE_DATA_DIR: Path = Field(Path("var"), description="folder for files, staging and SQLite")
    AMICABLE_SCANNER: str | None = Field(
        None,
        description="virus scanner for files of debtors: clamd://host:3310, clamd:///path/of/its/socket, or a"
        " command that reads the file on its standard input and answers 0 clean, 1 infected; none when unset",
    )
    AMICABLE_SINGLE_HOST: bool = Field(False, description="yes: production on SQLite, by one host only")
    AMICABLE_ALLOW_TO: str = Field(
        "", description="outside production: addresses that may receive, separated by commas"
    )
    AMICABLE_TRUSTED_PROXIES: int | None = Field(
        None,
        ge=0,
        description="how many proxies in front set X-Forwarded-For; production must say it (0: none)",
    )
    AMICABLE_DEBUG: bool = Field(False, description="never in production")
    AMICABLE_FAULT: str | None = Field(
        None, description="tests only: where a process is to die, fail or wait (models/fault_points.py)"
    )
    AMICABLE_GATEWAY_SECONDS: float | None = Field(
        None, gt=0, description="tests only: how long the gateway's answer is waited for, seconds"
    )
    DEMO_INSECURE: bool = Field(
        False, description="demo only: cookies without https for a phone on the local network"
    )

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """Read the environment (and `.env` in demo and development only).

        Raises:
            SettingsError: names every setting that is wrong.
        """
        production = (
            overrides.get("AMICABLE_ENV", os.environ.get("AMICABLE_ENV", "production")) == "production"
        )
        env_file = None if production else ".env"
        said = {**(dotenv_values(env_file) if env_file else {}), **os.environ, **overrides}
        given = {k: v for k, v in overrides.items() if not _FURTHER.fullmatch(k)}
        try:
            return cls(_env_file=env_file, further_stripe=_further(said), **given)  # type: ignore[call-arg]
        except ValidationError as error:
            raise SettingsError([line for e in error.errors() for line in _lines(e)]) from None

    @model_validator(mode="after")
    def _hold_together(self) -> Settings:
        wrong = [*self._wrong_everywhere(), *(self._wrong_in_production() if self.is_production else [])]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _wrong_everywhere(self) -> list[str]:
        wrong = []
        if len(self.SECRET_KEY) < 32:
            wrong.append("SECRET_KEY: set at least 32 random characters")
        for name in ("BASE_URL", "AMICABLE_SHORT_URL"):
            address = getattr(self, name)
            if address and not _is_origin(address):
                wrong.append(f"{name}: must be http(s)://host[:port] without a path")
        default = (self.STRIPE_SECRET_KEY, self.STRIPE_WEBHOOK_SECRET, self.AMICABLE_STRIPE_API_BASE)
        wrong += _wrong_keys(
            "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "AMICABLE_STRIPE_API_BASE", default
        )
        wrong += _wrong_methods("AMICABLE_STRIPE_PAYMENT_METHODS", self.AMICABLE_STRIPE_PAYMENT_METHODS)
        wrong += _wrong_origin("AMICABLE_STRIPE_CHECKOUT_ORIGIN", self.AMICABLE_STRIPE_CHECKOUT_ORIGIN)
        for name, parts in self.further_stripe.items():
            prefix = f"AMICABLE_STRIPE_{name.upper()}_"
            wrong += _wrong_origin(prefix + "CHECKOUT_ORIGIN", parts.get("CHECKOUT_ORIGIN"))
            wrong += _wrong_methods(prefix + "PAYMENT_METHODS", parts.get("PAYMENT_METHODS", ""))
            if name == "default":
                wrong.append(f"{prefix}…: the account named default is set by STRIPE_SECRET_KEY")
            key, secrets, base = (parts.get(part) for part in _PARTS)
            wrong += _wrong_keys(
                prefix + "SECRET_KEY", prefix + "WEBHOOK_SECRET", prefix + "API_BASE", (key, secrets, base)
            )
        if self.SMTP_URL and not self.SMTP_URL.startswith(("smtp://", "smtps://")):
            wrong.append("SMTP_URL: must begin with smtp:// or smtps://")
        elif self.SMTP_URL and not urlsplit(self.SMTP_URL).hostname:
            wrong.append("SMTP_URL: names no host")
        if self.SMS_URL and not self.SMS_URL.startswith("sink://"):
            wrong.append("SMS_URL: known are sink://127.0.0.1:port; a provider's adapter is not installed")
        if self.AMICABLE_IMAP_URL and not _is_mailbox(self.AMICABLE_IMAP_URL):
            wrong.append("AMICABLE_IMAP_URL: must be imaps://user:password@host[:port][/FOLDER]")
        if any(len(secret) < 32 for secret in self.sms_inbound_secrets):
            wrong.append("AMICABLE_SMS_INBOUND_SECRET: set at least 32 random characters")
        if self.AMICABLE_SCANNER and (trouble := _wrong_scanner(self.AMICABLE_SCANNER)):
            wrong.append(f"AMICABLE_SCANNER: {trouble}")
        if self.AMICABLE_FAULT and self.AMICABLE_ENV is not Environment.TEST:
            wrong.append("AMICABLE_FAULT: only in tests")
        if self.AMICABLE_GATEWAY_SECONDS and self.AMICABLE_ENV is not Environment.TEST:
            wrong.append("AMICABLE_GATEWAY_SECONDS: only in tests")
        if self.DEMO_INSECURE and self.AMICABLE_ENV is not Environment.DEMO:
            wrong.append("DEMO_INSECURE: only in the demo")
        return wrong

    def _wrong_in_production(self) -> list[str]:
        wrong = []
        if not self.BASE_URL.startswith("https://"):
            wrong.append("BASE_URL: production is https only")
        if self.AMICABLE_SHORT_URL and not self.AMICABLE_SHORT_URL.startswith("https://"):
            wrong.append("AMICABLE_SHORT_URL: production is https only")
        if self.AMICABLE_STRIPE_API_BASE:
            wrong.append("AMICABLE_STRIPE_API_BASE: no stand-in in production")
        if _is_test_key(self.STRIPE_SECRET_KEY):
            wrong.append(
                "STRIPE_SECRET_KEY: a test card would close real invoices; use a live key or staging"
            )
        for name, parts in self.further_stripe.items():
            if parts.get("API_BASE"):
                wrong.append(f"AMICABLE_STRIPE_{name.upper()}_API_BASE: no stand-in in production")
            if _is_test_key(parts.get("SECRET_KEY")):
                wrong.append(
                    f"AMICABLE_STRIPE_{name.upper()}_SECRET_KEY: a test key; use a live one or staging"
                )
        if self.SMS_URL and self.SMS_URL.startswith("sink://"):
            wrong.append("SMS_URL: no stand-in in production")
        if self.SMTP_URL and urlsplit(self.SMTP_URL).hostname in ("127.0.0.1", "localhost", "::1"):
            wrong.append("SMTP_URL: no stand-in in production; name the relay's host")
        if self.AMICABLE_DEBUG:
            wrong.append("AMICABLE_DEBUG: never in production")
        if self.AMICABLE_TRUSTED_PROXIES is None:
            # Unsaid, every debtor behind the proxy would share one caller's limits and evidence (L-11).
            wrong.append("AMICABLE_TRUSTED_PROXIES: say how many proxies stand in front; 0 where none does")
        if self.DATABASE_URL.startswith("sqlite") and not self.AMICABLE_SINGLE_HOST:
            wrong.append(
                "DATABASE_URL: SQLite serves one host only; use PostgreSQL or set AMICABLE_SINGLE_HOST=yes"
            )
        return wrong

    @property
    def is_production(self) -> bool:
        return self.AMICABLE_ENV is Environment.PRODUCTION

    @property
    def base_url(self) -> str:
        return self.BASE_URL.rstrip("/")

    @property
    def short_url(self) -> str:
        return (self.AMICABLE_SHORT_URL or self.BASE_URL).rstrip("/")

    @property
    def stripe_accounts(self) -> dict[str, StripeKeys]:
        """Every gateway account with keys, by the name that creditors have in `gateway_account`."""
        found = {
            "default": {
                "SECRET_KEY": self.STRIPE_SECRET_KEY or "",
                "WEBHOOK_SECRET": self.STRIPE_WEBHOOK_SECRET or "",
                "API_BASE": self.AMICABLE_STRIPE_API_BASE or "",
                "PAYMENT_METHODS": self.AMICABLE_STRIPE_PAYMENT_METHODS,
                "CHECKOUT_ORIGIN": self.AMICABLE_STRIPE_CHECKOUT_ORIGIN or "",
            },
            **self.further_stripe,
        }
        return {
            name: StripeKeys(
                secret_key=parts["SECRET_KEY"],
                webhook_secrets=_several(parts["WEBHOOK_SECRET"]),
                api_base=parts.get("API_BASE") or None,
                payment_methods=_several(parts.get("PAYMENT_METHODS")),
                checkout_origin=parts.get("CHECKOUT_ORIGIN", "").rstrip("/") or None,
            )
            for name, parts in found.items()
            if parts.get("SECRET_KEY")
        }

    @property
    def sms_inbound_secrets(self) -> tuple[str, ...]:
        """Secrets that sign what the SMS provider's adapter posts."""
        return _several(self.AMICABLE_SMS_INBOUND_SECRET)

    @property
    def allowed_recipients(self) -> frozenset[str]:
        return frozenset(a.strip().casefold() for a in self.AMICABLE_ALLOW_TO.split(",") if a.strip())

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies carry __Host- and Secure; Chromium and Firefox take them on loopback too."""
        return not self.DEMO_INSECURE


_PARTS = ("SECRET_KEY", "WEBHOOK_SECRET", "API_BASE")


def _further(said: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Gather AMICABLE_STRIPE_<NAME>_… by name; empty values count as unset."""
    found: dict[str, dict[str, str]] = {}
    for key, value in said.items():
        match = _FURTHER.fullmatch(key)
        if match and value:
            found.setdefault(match[1].lower(), {})[match[2]] = str(value)
    return found


def _wrong_keys(key_name: str, secret_name: str, base_name: str, values: tuple[str | None, ...]) -> list[str]:
    """What is wrong with the keys of one gateway account, each line naming its setting."""
    key, secrets, base = values
    wrong = []
    if bool(key) != bool(_several(secrets)):
        missing = secret_name if key else key_name
        wrong.append(f"{missing}: Stripe's key and webhook secret come both or not at all")
    is_stand_in = (key or "").startswith(SANDBOX_KEY)
    if base and not is_stand_in:
        wrong.append(f"{base_name}: the stand-in takes only keys that begin with {SANDBOX_KEY}")
    if is_stand_in and not base:
        wrong.append(f"{key_name}: this key is for the stand-in; set {base_name} too")
    return wrong


def _wrong_methods(setting: str, text: str) -> list[str]:
    """What is wrong with a list of ways to pay; Stripe alone knows which there are."""
    odd = [name for name in _several(text) if not re.fullmatch(r"[a-z][a-z0-9_]*", name)]
    return [f"{setting}: {odd[0]!r} is no type of Stripe's; write them like card,sepa_debit"] if odd else []


def _wrong_origin(setting: str, address: str | None) -> list[str]:
    """What is wrong with the domain of hosted pages, which stands in a header as it is."""
    if not address or re.fullmatch(r"https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d+)?/?", address):
        return []
    return [f"{setting}: must be https://host[:port] without a path"]


def _several(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _wrong_scanner(setting: str) -> str | None:
    """What is wrong with the address or command of a scanner; it is not asked anything yet."""
    if setting.startswith("clamd:"):
        parts = urlsplit(setting)
        named = setting.startswith("clamd://") and (parts.hostname or len(parts.path) > 1)
        return None if named else "names no clamd: clamd://host:port or clamd:///path/of/its/socket"
    try:
        words = shlex.split(setting)
    except ValueError as error:
        return f"cannot be read as a command: {error}"
    if not words or shutil.which(words[0]) is None:
        return "names no program of this host, nor clamd://host:port"
    return None


def _is_origin(address: str) -> bool:
    parts = urlsplit(address)
    rest = parts.path.rstrip("/") + parts.query + parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not rest and "@" not in parts.netloc


def _is_mailbox(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("imap", "imaps") and bool(parts.hostname) and bool(parts.username)


def _lines(error: Any) -> list[str]:
    where = ".".join(str(part) for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    return [f"{where}: {message}"] if where else message.splitlines()


def _is_test_key(key: str | None) -> bool:
    """Whether a key is of the gateway's test mode; the stand-in's keys have a line of their own."""
    return (
        bool(key) and str(key).startswith(("sk_test_", "rk_test_")) and not str(key).startswith(SANDBOX_KEY)
    )
