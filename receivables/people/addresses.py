"""Names and addresses as debtors type them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from models.links import Channel
from receivables.errors import Refused
from receivables.intake.cells import email_address, international_phone
from receivables.texts import one_line

NAME_MOST = 80
ADDRESS_MOST = 254
#: What a message would turn into a link or a command, in any script; no name has it.
_UNFIT = re.compile(r"[<>@{}\[\]\\/:|]|\bwww\.|\w\.(?!\d+\b)\w{2,}", re.IGNORECASE)
#: Digits with which a name becomes a telephone number to ring.
NUMBER_DIGITS = 4
#: The end of a host's name: letters of any script, or their ASCII form.
_TOP_LEVEL = re.compile(r"[^\W\d_]{2,}|xn--[a-z0-9-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """An address and the channel it is for."""

    channel: Channel
    text: str


def read_name(text: str) -> str:
    """Return a person's name on one line.

    Raises:
        Refused: name_missing, name_too_long, name_unfit (an address or a link in its place),
            name_number (four digits or more).
    """
    if len(text) > 10 * NAME_MOST:
        raise Refused("name_too_long", most=NAME_MOST)
    name = one_line(text)
    if not name:
        raise Refused("name_missing")
    if len(name) > NAME_MOST:
        raise Refused("name_too_long", most=NAME_MOST)
    if _UNFIT.search(name):
        raise Refused("name_unfit")
    if sum(c.isdigit() for c in name) >= NUMBER_DIGITS:
        raise Refused("name_number")
    return name


def read_address(text: str) -> Address:
    """Return an e-mail address or a mobile number with its country (E.164).

    >>> read_address("+44 113 496-0142").text, read_address(" dana@acme.example").channel.value
    ('+441134960142', 'email')

    Raises:
        Refused: address_missing, address_malformed, phone_without_country.
    """
    typed = one_line(text) if len(text) <= 10 * ADDRESS_MOST else "?"
    if not typed:
        raise Refused("address_missing")
    if "@" in typed:
        email = email_address(typed)
        if email is None or len(email) > ADDRESS_MOST or not _TOP_LEVEL.fullmatch(email.rpartition(".")[2]):
            raise Refused("address_malformed")
        return Address(Channel.EMAIL, email)
    phone = international_phone(typed)
    if phone is not None:
        return Address(Channel.SMS, phone)
    digits = sum(c.isdigit() for c in typed)
    raise Refused("phone_without_country" if digits >= 6 and len(typed) <= 20 else "address_malformed")
