"""Faults somebody asked for: each is armed for a number of deliveries and then spent."""

from dataclasses import dataclass
from threading import Lock

MEANING = {
    "reject_421": "mail is refused for now (421) before its text is taken; nothing is stored",
    "reject_550": "the mail's recipient is refused for good (550); nothing is stored",
    "drop_after_data": "the mail is stored, then the line is cut without the 250",
    "sms_500": "the SMS is answered 500; nothing is stored",
    "sms_drop": "the SMS is stored, then the line is cut without an answer",
    "slow": "the mail or SMS is stored, the answer comes `ms` milliseconds late",
}
MOST_DELIVERIES = 100_000
LONGEST_MS = 120_000


class UnknownFault(ValueError):
    """The asked fault, its count or its delay is none we know; the text says which."""


@dataclass(frozen=True, slots=True)
class Armed:
    """One fault that waits: for how many deliveries still, and with what delay."""

    fault: str
    left: int
    ms: int


class Faults:
    """The armed faults, shared by the SMTP and the web threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._armed: dict[str, Armed] = {}

    def arm(self, fault: str, count: int = 1, ms: int = 0) -> None:
        """Arm one fault for the next deliveries; arming it again replaces what was left.

        Args:
            fault: a key of MEANING.
            count: deliveries, 0-100,000; 0 disarms this fault.
            ms: delay of `slow`, milliseconds, 0-120,000; 0 for all others.
        Raises:
            UnknownFault: a value outside these.
        """
        if not isinstance(fault, str) or fault not in MEANING:
            raise UnknownFault(f"fault must be one of {', '.join(MEANING)}")
        if type(count) is not int or not 0 <= count <= MOST_DELIVERIES:
            raise UnknownFault(f"count must be a whole number from 0 to {MOST_DELIVERIES}")
        if type(ms) is not int or not 0 <= ms <= LONGEST_MS:
            raise UnknownFault(f"ms must be a whole number from 0 to {LONGEST_MS}")
        if (fault == "slow") != (ms > 0) and count:
            raise UnknownFault("ms belongs to slow, and slow needs it")
        with self._lock:
            self._armed.pop(fault, None)
            if count:
                self._armed[fault] = Armed(fault, count, ms)

    def take(self, fault: str) -> Armed | None:
        """Spend one delivery's worth of a fault.

        Returns: what was armed, or None when this delivery goes well.
        """
        with self._lock:
            armed = self._armed.pop(fault, None)
            if armed and armed.left > 1:
                self._armed[fault] = Armed(fault, armed.left - 1, armed.ms)
            return armed

    def delay_seconds(self) -> float:
        """Spend one `slow`.

        Returns: seconds to wait before answering; 0.0 when none is armed.
        """
        slow = self.take("slow")
        return slow.ms / 1000 if slow else 0.0

    def waiting(self) -> list[Armed]:
        """Returns: the faults still armed, in the order they were armed."""
        with self._lock:
            return list(self._armed.values())

    def disarm(self) -> None:
        """Forget every armed fault."""
        with self._lock:
            self._armed.clear()
