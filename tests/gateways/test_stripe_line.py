"""The line to Stripe on real sockets: which broken calls had no effect, and which are unknown (FT-03).

The SDK, requests and urllib3 raise what they really raise; nothing here is played by a fake.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from gateways.stripe.payments import StripePayments
from models.money import Money
from receivables.ports import CheckoutOrder, GatewayUnreachable, OutcomeUnknown
from tests.standins import API_KEY, WEBHOOK_SECRET

#: To connect and to read, seconds: short, since here both run out.
TIMEOUT = (0.3, 0.3)
#: What somebody who listens does with a line.
Act = Callable[[socket.socket], object]


@contextmanager
def nobody() -> Iterator[int]:
    """A port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def deaf() -> Iterator[int]:
    """A port whose waiting room is full: the system answers no further call to connect."""
    with ExitStack() as lines:
        server = lines.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(3):
            waiting = lines.enter_context(socket.socket())
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(server.getsockname())
        yield server.getsockname()[1]


@contextmanager
def listening(act: Act) -> Iterator[int]:
    """A port at which each line is taken, and the call is read."""
    with ExitStack() as lines:
        server = lines.enter_context(socket.create_server(("127.0.0.1", 0)))
        server.settimeout(60)

        def serve() -> None:
            with suppress(OSError):  # the test is over
                while True:
                    line = lines.enter_context(server.accept()[0])
                    line.recv(65536)
                    act(line)

        taking = threading.Thread(target=serve, daemon=True)
        taking.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        taking.join(60)


@contextmanager
def silent() -> Iterator[int]:
    """Takes the call, and never answers."""
    with listening(lambda line: None) as port:
        yield port


@contextmanager
def closing() -> Iterator[int]:
    """Takes the call, and closes the line."""
    with listening(lambda line: line.close()) as port:
        yield port


@contextmanager
def breaking_off() -> Iterator[int]:
    """Begins an answer, and never ends it."""
    with listening(lambda line: line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{")) as port:
        yield port


def gateway_at(port: int) -> StripePayments:
    return StripePayments("default", API_KEY, [WEBHOOK_SECRET], f"http://127.0.0.1:{port}", TIMEOUT)


def an_order() -> CheckoutOrder:
    return CheckoutOrder(
        attempt_ref="abc", amount=Money(57600, "GBP"), title="Northgate", language="en", note=None,
        expires_at=datetime.now(UTC) + timedelta(hours=1), success_url="http://127.0.0.1:9/r/abc",
        cancel_url="http://127.0.0.1:9/r/abc", invoice_refs=["inv"], idempotency_key="abc:1",
    )  # fmt: skip


@pytest.mark.parametrize("port_of", [nobody, deaf])
def test_never_connected_nothing_was_made(port_of: Callable[[], object]) -> None:
    """FT-03: refused, or no line in time: no byte can have arrived, so the debtor may simply try again."""
    with port_of() as port:  # type: ignore[attr-defined]
        gateway = gateway_at(port)
        with pytest.raises(GatewayUnreachable, match="no_connection"):
            gateway.send(gateway.prepare_checkout(an_order()))
        with pytest.raises(GatewayUnreachable, match="no_connection"):
            gateway.retrieve("cs_1")


@pytest.mark.parametrize("port_of", [silent, closing, breaking_off])
def test_taken_and_not_answered_is_unknown(port_of: Callable[[], object]) -> None:
    """FT-03, B12: the call was read there and may have had its effect; a question has none."""
    with port_of() as port:  # type: ignore[attr-defined]
        gateway = gateway_at(port)
        with pytest.raises(OutcomeUnknown, match="no_answer"):
            gateway.send(gateway.prepare_checkout(an_order()))
        with pytest.raises(GatewayUnreachable, match="no_answer"):
            gateway.retrieve("cs_1")
