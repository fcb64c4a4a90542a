"""Every setting, with its unit and default; no other file reads the environment (decision 29).

`Settings.load()` fails at start with one line for each setting that is wrong or missing.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SANDBOX_KEY = "sk_test_sandbox"


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
    SMTP_URL: str | None = Field(
        None, description="smtp://user:password@host:587 (STARTTLS) or smtps://…; no mail when unset"
    )
    SMS_URL: str | None = Field(None, description="sink://127.0.0.1:port; no SMS when unset")
    AMICABLE_DATA_DIR: Path = Field(Path("var"), description="folder for files, staging and SQLite")
    AMICABLE_SINGLE_HOST: bool = Field(False, description="yes: production on SQLite, by one host only")
    AMICABLE_ALLOW_TO: str = Field(
        "", description="outside production: addresses that may receive, separated by commas"
    )
    AMICABLE_TRUSTED_PROXIES: int = Field(0, description="how many proxies in front set X-Forwarded-For")
    AMICABLE_DEBUG: bool = Field(False, description="never in production")
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
        try:
            return cls(_env_file=None if production else ".env", **overrides)  # type: ignore[call-arg]
        except ValidationError as error:
            raise SettingsError([_line(e) for e in error.errors()]) from None

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
            if address and (
                not address.startswith(("http://", "https://")) or urlsplit(address).path not in ("", "/")
            ):
                wrong.append(f"{name}: must be http(s)://host[:port] without a path")
        if bool(self.STRIPE_SECRET_KEY) != bool(self.STRIPE_WEBHOOK_SECRET):
            missing = "STRIPE_WEBHOOK_SECRET" if self.STRIPE_SECRET_KEY else "STRIPE_SECRET_KEY"
            wrong.append(f"{missing}: Stripe's key and webhook secret come both or not at all")
        if self.AMICABLE_STRIPE_API_BASE and not (self.STRIPE_SECRET_KEY or "").startswith(SANDBOX_KEY):
            wrong.append(
                "AMICABLE_STRIPE_API_BASE: the stand-in takes only keys that begin with " + SANDBOX_KEY
            )
        if not self.AMICABLE_STRIPE_API_BASE and (self.STRIPE_SECRET_KEY or "").startswith(SANDBOX_KEY):
            wrong.append("STRIPE_SECRET_KEY: this key is for the stand-in; set AMICABLE_STRIPE_API_BASE too")
        if self.SMTP_URL and not self.SMTP_URL.startswith(("smtp://", "smtps://")):
            wrong.append("SMTP_URL: must begin with smtp:// or smtps://")
        if self.SMS_URL and not self.SMS_URL.startswith("sink://"):
            wrong.append("SMS_URL: known are sink://127.0.0.1:port; a provider's adapter is not installed")
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
        if self.SMS_URL and self.SMS_URL.startswith("sink://"):
            wrong.append("SMS_URL: no stand-in in production")
        if self.SMTP_URL and urlsplit(self.SMTP_URL).hostname in ("127.0.0.1", "localhost", "::1"):
            wrong.append("SMTP_URL: no stand-in in production; name the relay's host")
        if self.AMICABLE_DEBUG:
            wrong.append("AMICABLE_DEBUG: never in production")
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
    def webhook_secrets(self) -> list[str]:
        return [s.strip() for s in (self.STRIPE_WEBHOOK_SECRET or "").split(",") if s.strip()]

    @property
    def allowed_recipients(self) -> frozenset[str]:
        return frozenset(a.strip().casefold() for a in self.AMICABLE_ALLOW_TO.split(",") if a.strip())

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies carry __Host- and Secure; Chromium and Firefox take them on loopback too."""
        return not self.DEMO_INSECURE


def _line(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
