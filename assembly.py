"""The only place where real parts are chosen; knows no Flask.

`assemble(settings)` joins store, gateways and presenter into the House that web and jobs use.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config import Settings
from gateways.mail import SmtpMail
from gateways.sms import SinkSms
from gateways.stripe_payments import StripePayments
from models.store import Store
from presentation import Presenter
from receivables.ports import MailCarrier, PaymentGateway, SmsCarrier

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class House:
    """Everything a request or a job may reach."""

    settings: Settings
    store: Store
    presenter: Presenter
    gateways: dict[str, PaymentGateway]
    mail: MailCarrier | None
    sms: SmsCarrier | None

    def gateway(self, name: str) -> PaymentGateway | None:
        """The payment gateway of a creditor's gateway account; None without keys (decision 24)."""
        return self.gateways.get(name)

    def may_deliver_to(self, address: str, sms: bool) -> bool:
        """Outside production only the stand-in and addresses on AMICABLE_ALLOW_TO receive (decision 21)."""
        if self.settings.is_production:
            return True
        url = (self.settings.SMS_URL if sms else self.settings.SMTP_URL) or ""
        to_stand_in = url.startswith("sink://") or urlsplit(url).hostname in LOOPBACK
        return to_stand_in or address.casefold() in self.settings.allowed_recipients


def assemble(settings: Settings) -> House:
    """Build the House from settings; opens no connection yet."""
    if settings.DATABASE_URL.startswith("sqlite:///"):
        Path(settings.DATABASE_URL.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    gateways: dict[str, PaymentGateway] = {}
    if settings.STRIPE_SECRET_KEY:
        gateways["default"] = StripePayments(
            "default",
            settings.STRIPE_SECRET_KEY,
            settings.webhook_secrets,
            settings.AMICABLE_STRIPE_API_BASE,
        )
    return House(
        settings=settings,
        store=Store(settings.DATABASE_URL),
        presenter=Presenter(TEMPLATES),
        gateways=gateways,
        mail=SmtpMail(settings.SMTP_URL) if settings.SMTP_URL else None,
        sms=SinkSms(settings.SMS_URL) if settings.SMS_URL else None,
    )
