"""The only place where real parts are chosen; knows no Flask.

`assemble(settings)` joins store, gateways and presenter into the House that web and jobs use.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config import Environment, Settings
from gateways.files import FileFolder
from gateways.mail import SmtpMail
from gateways.mailbox import ImapMailbox
from gateways.pdf import PressClient
from gateways.scanners import scanner_of
from gateways.sms import SinkSms
from gateways.sms_inbound import SignedSms
from gateways.spreadsheets import Spreadsheets
from gateways.statement_files import ExportFiles
from gateways.stripe.line import TIMEOUT
from gateways.stripe.payments import StripePayments
from models import fault_points
from models.store import Store
from presentation import Presenter
from presentation.documents import Documents
from receivables.documents.data import DocumentWriter
from receivables.intake.rows import Tables
from receivables.ports import (
    DocumentPress,
    Exports,
    FileStore,
    Mailbox,
    MailCarrier,
    PaymentGateway,
    SmsCarrier,
    SmsDesk,
)

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
    tables: Tables
    files: FileStore
    documents: DocumentWriter
    press: DocumentPress
    exports: Exports
    mailbox: Mailbox | None
    sms_desk: SmsDesk | None

    def gateway(self, name: str) -> PaymentGateway | None:
        """The payment gateway of a creditor's gateway account; None without keys (decision 24)."""
        return self.gateways.get(name)

    def may_deliver_to(self, address: str, sms: bool) -> bool:
        """Outside production only the stand-in and addresses on AMICABLE_ALLOW_TO receive (decision 21).

        A staging host may have a true relay of its own on loopback, so there only the list counts.
        """
        if self.settings.is_production:
            return True
        on_loopback = urlsplit(self.settings.SMTP_URL or "").hostname in LOOPBACK
        to_stand_in = sms or (on_loopback and self.settings.AMICABLE_ENV is not Environment.STAGING)
        return to_stand_in or address.casefold() in self.settings.allowed_recipients


def make_folder(database_url: str) -> None:
    """Make the folder of a SQLite database, so that the first start finds a place for it."""
    if database_url.startswith("sqlite:///"):
        Path(database_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)


def assemble(settings: Settings) -> House:
    """Build the House from settings; opens no connection yet."""
    make_folder(settings.DATABASE_URL)
    store = Store(settings.DATABASE_URL)
    if settings.AMICABLE_FAULT:  # settings refuse it outside tests
        fault_points.arm(settings.AMICABLE_FAULT, is_sqlite=store.is_sqlite)
    timeout = (TIMEOUT[0], settings.AMICABLE_GATEWAY_SECONDS or TIMEOUT[1])
    gateways: dict[str, PaymentGateway] = {
        name: StripePayments(
            name,
            keys.secret_key,
            keys.webhook_secrets,
            keys.api_base,
            timeout,
            payment_methods=keys.payment_methods,
        )
        for name, keys in settings.stripe_accounts.items()
    }
    return House(
        settings=settings,
        store=store,
        presenter=Presenter(TEMPLATES),
        gateways=gateways,
        mail=SmtpMail(settings.SMTP_URL) if settings.SMTP_URL else None,
        sms=SinkSms(settings.SMS_URL) if settings.SMS_URL else None,
        tables=Spreadsheets(),
        files=FileFolder(settings.AMICABLE_DATA_DIR / "files", scanner_of(settings.AMICABLE_SCANNER)),
        documents=Documents(),
        press=PressClient(settings.AMICABLE_DATA_DIR / "press"),
        exports=ExportFiles(),
        mailbox=ImapMailbox(settings.AMICABLE_IMAP_URL) if settings.AMICABLE_IMAP_URL else None,
        sms_desk=SignedSms(settings.sms_inbound_secrets) if settings.sms_inbound_secrets else None,
    )
