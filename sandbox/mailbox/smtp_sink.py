"""The SMTP sink: takes every mail, puts it on disk, and only then says 250."""

import asyncio
from typing import NoReturn

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.mailbox.faults import Faults
from sandbox.mailbox.store import Store


class Sink:
    """The hooks that aiosmtpd calls for each command."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Begin a mail, unless a `reject_421` is armed: then say so and hang up."""
        if self._faults.take("reject_421"):
            await server.push("421 4.3.2 The mailbox is not accepting mail just now")
            await _hang_up(server)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender noted"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Note a recipient, unless a `reject_550` is armed."""
        if self._faults.take("reject_550"):
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient noted"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail, then answer late or never when a fault asks for it."""
        sender, raw = envelope.mail_from or "", envelope.original_content or b""
        kept = await asyncio.to_thread(self._store.keep_mail, sender, envelope.rcpt_tos, raw)
        if self._faults.take("drop_after_data"):
            await _hang_up(server)
        await asyncio.sleep(self._faults.delay_seconds())
        return f"250 2.0.0 Kept as {', '.join(map(str, kept))}"


async def _hang_up(server: SMTP) -> NoReturn:
    """Close the line and wait to be cancelled by that, so that nothing more is written to it."""
    if server.transport:
        server.transport.close()
    while True:
        await asyncio.Event().wait()


def start(store: Store, faults: Faults, host: str, port: int) -> Controller:
    """Start the sink in a thread of its own.

    Returns: the controller, listening; its `stop()` ends it.
    Raises: OSError: the address is taken.
    """
    controller = Controller(
        Sink(store, faults),
        hostname=host,
        port=port,
        server_hostname="mailbox.localhost",
        ident="Demo mailbox",
        enable_SMTPUTF8=True,
    )
    controller.start()
    return controller
