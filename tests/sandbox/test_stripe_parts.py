"""The parts that need no process: decoding, signing, giving up, adding up."""

from __future__ import annotations

import doctest
import hashlib
import hmac
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.stripe import balance, cards, currencies, payments, schema
from sandbox.stripe.calls import Call
from sandbox.stripe.errors import ApiError
from sandbox.stripe.events import tell
from sandbox.stripe.operations import OPERATIONS, delete_endpoint
from sandbox.stripe.schema import Description, check_request, decode_form
from sandbox.stripe.store import API_VERSION, Store
from sandbox.stripe.webhooks import BACK_OFF, POINTED, Courier, signature


@pytest.mark.parametrize("module", [balance, currencies, schema])
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    results = doctest.testmod(module)  # type: ignore[arg-type]
    assert results.attempted > 0
    assert results.failed == 0


def test_form_names_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ApiError) as refused:
        decode_form("a=1&a[b]=2")
    assert refused.value.status == 400


def test_lists_keep_their_order_beyond_nine() -> None:
    text = "&".join(f"expand[{i}]=p{i}" for i in reversed(range(12)))
    assert decode_form(text) == {"expand": [f"p{i}" for i in range(12)]}


def test_each_operation_is_in_the_description() -> None:
    described = {(operation.method, operation.path) for operation in Description().operations}
    assert set(OPERATIONS) <= described
    names = [handler.op for handler in OPERATIONS.values()]
    assert len(names) == len(set(names))


def test_the_description_and_the_store_speak_one_version() -> None:
    assert Description().version == API_VERSION


def test_metadata_has_bounds() -> None:
    description = Description()
    found = description.find("POST", "/v1/customers")
    assert found
    check_request(description, found[0], "metadata[k]=" + "x" * 500)
    for wrong in (
        "metadata[k]=" + "x" * 501,
        f"metadata[{'k' * 41}]=1",
        "&".join(f"metadata[k{i}]=1" for i in range(51)),
    ):
        with pytest.raises(ApiError):
            check_request(description, found[0], wrong)


def test_the_signature_is_hmac_sha256_of_time_and_body() -> None:
    digest = hmac.new(b"whsec_x", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert signature('{"a":1}', "whsec_x", 1_700_000_000) == f"t=1700000000,v1={digest}"


def test_a_delivery_is_given_up_after_the_last_back_off(tmp_path: Path) -> None:
    """Nobody listens; every try is counted, the last one ends it, and the event stays undelivered."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        store = Store(tmp_path / "stripe.sqlite")
        courier = Courier(store)
        courier.point(f"http://127.0.0.1:{port}/", "whsec_x")
        with store.unit() as unit:
            tell(unit, "customer.created", {"id": "cus_1", "object": "customer"})
        for _ in BACK_OFF:
            assert courier.flush() == {"delivered": 0, "failed": 1, "pending": 1}
        assert courier.flush() == {"delivered": 0, "failed": 1, "pending": 0}
        with store.unit() as unit:
            row = unit.db.execute("SELECT state, attempts, last_status FROM delivery").fetchone()
            assert tuple(row) == ("failed", len(BACK_OFF) + 1, None)
        store.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Takes connections, and answers nothing by itself."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(20)
        yield made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "stripe.sqlite")
    yield made
    made.close()


def _waiting(store: Store, courier: Courier, listener: socket.socket, events: int = 1) -> None:
    """Events on their way to the listener."""
    courier.point(f"http://127.0.0.1:{listener.getsockname()[1]}/", "whsec_x")
    with store.unit() as unit:
        for number in range(events):
            tell(unit, "customer.created", {"id": f"cus_{number}", "object": "customer"})


def _row(store: Store) -> tuple[str, int, int | None]:
    with store.unit() as unit:
        return tuple(unit.db.execute("SELECT state, attempts, last_status FROM delivery").fetchone())


def test_a_receiver_that_never_answers_has_not_taken_it(store: Store, listener: socket.socket) -> None:
    """P-10: the courier's patience ends, and the delivery waits for its next try."""
    courier = Courier(store, patience=0.2)
    _waiting(store, courier, listener)
    assert courier.flush() == {"delivered": 0, "failed": 1, "pending": 1}
    assert _row(store) == ("pending", 1, None)


def _answer(listener: socket.socket, said: bytes, before: Callable[[], object] = lambda: None) -> None:
    line, _ = listener.accept()
    with line:
        line.recv(65536)
        before()
        line.sendall(said)


def test_an_answer_that_is_none_is_a_failed_try(store: Store, listener: socket.socket) -> None:
    """A receiver that was killed in the middle of its answer must not end the courier."""
    courier = Courier(store)
    _waiting(store, courier, listener)
    receiver = threading.Thread(target=_answer, args=(listener, b"HTT"))
    receiver.start()
    assert courier.flush() == {"delivered": 0, "failed": 1, "pending": 1}
    receiver.join()


def test_an_endpoint_that_goes_while_it_answers_is_told_no_more(
    store: Store, listener: socket.socket
) -> None:
    """What still waited for a deleted endpoint is given up, also what was under way."""
    courier = Courier(store)
    _waiting(store, courier, listener)

    def gone() -> None:
        with store.unit() as unit:
            delete_endpoint(Call(unit, {}, POINTED, Description(), ""))

    refusal = b"HTTP/1.0 500 no\r\nContent-Length: 0\r\n\r\n"
    receiver = threading.Thread(target=_answer, args=(listener, refusal, gone))
    receiver.start()
    assert courier.flush()["pending"] == 0
    receiver.join()
    assert _row(store)[0] == "failed"
    assert courier.flush() == {"delivered": 0, "failed": 0, "pending": 0}


def test_a_stop_leaves_what_was_not_begun(store: Store, listener: socket.socket) -> None:
    """Also with many connections: no more than these are waited for."""
    courier = Courier(store, patience=0.5)
    courier.connect(2)
    _waiting(store, courier, listener, events=16)
    courier.start()
    listener.accept()[0].close()
    courier.stop()
    with store.unit() as unit:
        begun = unit.db.execute("SELECT sum(attempts) FROM delivery").fetchone()[0]
    assert 1 <= begun <= 6


def test_a_unit_that_raises_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "stripe.sqlite")

    def break_off() -> None:
        with store.unit() as unit:
            payments.new_intent(unit, 100, "eur")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    with store.unit() as unit:
        assert list(unit.each("payment_intent")) == []
        assert unit.db.execute("SELECT count(*) FROM event").fetchone()[0] == 0
    store.close()


def test_every_card_has_its_sentence() -> None:
    for card in cards.CARDS:
        assert card.code is None or cards.message(card.code, card.decline_code)
    assert len(cards.BY_NUMBER) == len(cards.BY_TOKEN) == len(cards.CARDS)
