"""What the stand-in keeps of a card or a bank account that was sent to it: the last four, and nothing else.

Callers have no reason to send one (a number is typed on the page only); whoever does so by mistake must not
find it in a file afterwards, neither in what was asked nor in what was answered.
"""

from __future__ import annotations

import re
from typing import Any

#: Parameters by their last word; what lies below one of them counts as well.
_SECRET = frozenset({"number", "account_number", "cvc", "iban"})
_WHOLE = frozenset({"cvc"})
_WORD = re.compile(r"\w+")
#: Digits that could be a card's, and characters that could be an account's, wherever they stand.
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){11,18}(?!\w)")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)")
_MASK = "…"


def masked(value: Any, word: str = "") -> Any:
    """The same parameters without numbers, security codes and accounts.

    >>> masked({"card": {"number": "4242 4242 4242 4242", "cvc": "123"}, "amount": "500"})
    {'card': {'number': '…4242', 'cvc': '…'}, 'amount': '500'}
    """
    if isinstance(value, dict):
        return {scrubbed(key): masked(child, _secret(key) or word) for key, child in value.items()}
    if isinstance(value, list):
        return [masked(child, word) for child in value]
    return _last_four(str(value), word) if word else scrubbed(str(value))


def answered(body: dict[str, Any], params: Any) -> Any:
    """The same answer without what it repeats of the parameters."""
    said = {one: word for word, one in _said(params) if one and (word not in _WHOLE or "error" in body)}
    words = [re.compile(rf"(?<!\w){re.escape(one)}(?!\w)") for one in sorted(said, key=len, reverse=True)]
    return _answered(body, words)


def scrubbed(text: str) -> str:
    """A text without what has the shape of a card's number or of an account's.

    >>> scrubbed("No such payment_method: '4242424242424242'"), scrubbed("at 1732104000123")
    ("No such payment_method: '…4242'", 'at 1732104000123')
    """
    text = _CARD.sub(lambda found: _last_four(found[0]) if _checks(found[0]) else found[0], text)
    return _IBAN.sub(lambda found: _last_four(found[0]) if _is_account(found[0]) else found[0], text)


def _secret(key: str) -> str:
    words = _WORD.findall(key.lower())
    return words[-1] if words and words[-1] in _SECRET else ""


def _last_four(text: str, word: str = "") -> str:
    digits = re.sub(r"\W", "", text)
    return _MASK + (digits[-4:] if word not in _WHOLE and len(digits) > 8 else "")


def _said(value: Any, word: str = "") -> list[tuple[str, str]]:
    """Every secret of the parameters, with its word."""
    if isinstance(value, dict):
        return [one for key, child in value.items() for one in _said(child, _secret(key) or word)]
    if isinstance(value, list):
        return [one for child in value for one in _said(child, word)]
    return [(word, value)] if word else []


def _answered(body: Any, words: list[re.Pattern[str]]) -> Any:
    if isinstance(body, dict):
        return {key: _answered(child, words) for key, child in body.items()}
    if isinstance(body, list):
        return [_answered(child, words) for child in body]
    if not isinstance(body, str):
        return body
    for word in words:
        body = word.sub(lambda found: _last_four(found[0]), body)
    return scrubbed(body)


def _checks(text: str) -> bool:
    """Whether digits begin as networks' do and have the right check digit."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[-2::-2])
    return digits[0] in (2, 3, 4, 5, 6) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_account(text: str) -> bool:
    """Whether an account's check digits are right (ISO 13616)."""
    letters = re.sub(r"\W", "", text).upper()
    turned = letters[4:] + letters[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1
