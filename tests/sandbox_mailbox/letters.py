"""Mails and SMS that the tests send, and the ways to send them."""

import smtplib
from email.message import EmailMessage
from urllib.request import urlopen

from tests.mailboxes import MailboxProcess

HEBREW_SUBJECT = "החשבון שלכם בדפוס השחר"
LINK = "https://pay.hashachar-print.example/l/7Kq2-mXw9"


def mail(
    subject: str = HEBREW_SUBJECT,
    to: str = "noa@galim.example",
    text: str = f"שלום נועה,\n\nלצפייה ולתשלום: {LINK}.\n",
    html: str | None = None,
    message_id: str = "<reminder-1@hashachar-print.example>",
) -> EmailMessage:
    """A mail, Hebrew unless told otherwise."""
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "billing@hashachar-print.example"
    message["To"] = to
    message["Message-ID"] = message_id
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def post_mail(mailbox: MailboxProcess, message: EmailMessage, *, timeout: float = 20.0) -> dict:
    """Send a mail as the portal does."""
    with smtplib.SMTP(*mailbox.smtp_address, timeout=timeout) as line:
        return line.send_message(message)


def post_sms(mailbox: MailboxProcess, text: str = "שלום", key: str | None = "k1", **headers: str) -> dict:
    """Send an SMS as the portal does."""
    body = {"to": "+972555550142", "from": "Hashachar", "text": text}
    return mailbox.ask("POST", "/sms", {**body, "id": key} if key else body, headers)


def page(mailbox: MailboxProcess, path: str) -> str:
    """Read one page of the mailbox."""
    with urlopen(mailbox.http_url + path, timeout=20) as answer:  # noqa: S310 loopback
        return answer.read().decode()
