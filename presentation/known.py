"""Which texts there are, for who publishes a ladder that names some."""

from __future__ import annotations

from presentation.paper_letters import texts
from presentation.sources import KINDS
from presentation.writing import LANGUAGES


def known_texts() -> dict[tuple[str, str], frozenset[str]]:
    """Return (channel, kind) of every message and letter -> the languages it is written in.

    Channels are email, sms and letter, the last for what goes by post.
    """
    found = {
        (channel, kind): frozenset(LANGUAGES)
        for kind, own in KINDS.items()
        for channel in (("email", "sms") if own.by_sms else ("email",))
    }
    for language in LANGUAGES:
        for kind, text in texts(language).items():
            if "body" in text:
                found["letter", kind] = found.get(("letter", kind), frozenset()) | {language}
    return found
