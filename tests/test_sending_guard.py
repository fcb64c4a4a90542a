"""Nothing but the worker's outbox hands a message to a carrier, and it asks the gate first (C-01).

Read from the source by its syntax tree, as tests/test_house.py reads the stairs. Codes, receipts and
answers leave by the same door: they are queued like every message, and their purpose says which rules
bind them (decision 18); so there is no second door to allow. People of the house are no debtors: their
mails have a door of their own, and it opens for nobody else (decision record 016).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.test_house import house, imports

#: The one place that hands over to carriers.
DOOR = "jobs/outbox.py"
#: Where what they take is made, after the gate was asked.
WRITER = "jobs/making.py"
#: Mails to people of the house: a door that knows no contact of a debtor, and no text message.
STAFF_DOOR = "jobs/staff_mails.py"
#: Makes the carriers; hands them to nobody but the house.
MAKER = "assembly.py"
CARRIERS = ("gateways.mail", "gateways.sms")
#: What speaks to the outside, and who may import it: mail, text messages, or anything over HTTP.
CLIENTS: dict[str, set[str]] = {
    "smtplib": {"gateways/mail.py"},
    "aiosmtplib": set(),
    "flask_mail": set(),
    "twilio": set(),
    "vonage": set(),
    "boto3": set(),
    "requests": {"gateways/sms.py", "gateways/stripe/line.py"},
    "httpx": set(),
    "aiohttp": set(),
    # The demo's players visit the portal of this machine, as debtors do.
    "urllib.request": {"jobs/demo.py", "jobs/demo_players.py"},
    "urllib3": {"gateways/stripe/line.py"},
}
#: Stands apart: a stand-in takes what leaves, and the checker reads what is there.
APART = ("sandbox/", "checker/")


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product itself."""
    return ((path, tree) for path, tree in house().items() if not path.startswith(APART))


def attributes(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Dotted names as they are written: "house.mail.send"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node), node.lineno


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_of_the_outside_stay_in_their_files(client: str) -> None:
    """C-01: no other import of an SMTP or SMS client, nor of anything that could be one."""
    places = CLIENTS[client]
    wrong = [
        f"{path}:{line}"
        for path, tree in sources()
        for name, line in imports(tree)
        if (name == client or name.startswith(client + "."))
        and not any(path == place or (place.endswith("/") and path.startswith(place)) for place in places)
    ]
    assert wrong == []


def test_carriers_are_made_in_one_place() -> None:
    """C-01: `gateways.mail` and `gateways.sms` are known where the house is put together, nowhere else."""
    found = {
        path
        for path, tree in sources()
        for name, _ in imports(tree)
        if name.startswith(tuple(f"{module}." for module in CARRIERS)) or name in CARRIERS
    }
    assert {path for path in found if not path.startswith("gateways/")} == {MAKER}


def test_one_door_for_all_messages() -> None:
    """C-01: `house.mail` and `house.sms` are touched by the outbox alone, whatever the message is for.

    The other door, to people of the house, has mail and no text messages.
    """
    held = re.compile(r"(^|\.)house(\(\))?\.(mail|sms)(\.|$)")
    touched = {
        (path, found.group(3))
        for path, tree in sources()
        for name, _ in attributes(tree)
        if (found := held.search(name))
    }
    assert touched == {(DOOR, "mail"), (DOOR, "sms"), (STAFF_DOOR, "mail")}


def test_the_door_to_people_of_the_house_knows_no_debtor() -> None:
    """C-01: no contact, no message and no gate there; an address is a person's own, or was until now."""
    tree = dict(sources())[STAFF_DOOR]
    known = {name for name, _ in imports(tree)}
    assert not {"models.accounts.Contact", "models.messages.Message"} & known
    assert not {name for name in known if name.startswith(("receivables.contact", "receivables.people"))}
    assert not {name for name, _ in attributes(tree) if name.rpartition(".")[2] in ("contacts", "contact")}
    [hand_over] = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and "Mail" in dict(calls(node))
    ]
    given = [
        ast.unparse(node.args[1])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == hand_over.name
    ]
    assert given
    assert set(given) == {"to"}
    values = [
        ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and "to" in ast.unparse(node.targets[0]).strip("()").split(", ")
    ]
    assert sorted(values) == ["payload.get('to') or address", "person.email"]


def calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """What is called, by the last part of its name, and where."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], node.lineno


def test_only_one_module_writes_what_a_carrier_takes() -> None:
    """C-01: a `Mail` or an `Sms` is made where the gate is asked, and nowhere else."""
    made = {(path, name) for path, tree in sources() for name, _ in calls(tree) if name in ("Mail", "Sms")}
    assert made == {(WRITER, "Mail"), (WRITER, "Sms"), (STAFF_DOOR, "Mail")}


def test_the_gate_is_asked_before_anything_is_written() -> None:
    """C-01, "called at send time by the worker": nobody reaches a carrier's form but through the gate.

    Of the functions of the module, some lead to the gate, some to a mail or text. From outside only one
    that leads to both is used, and in it the gate comes first; the gate's answer is kept at once (C-04).
    """
    tree = dict(sources())[WRITER]
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    known = {name: dict(reversed(list(calls(node)))) for name, node in functions.items()}

    def leading_to(wanted: set[str]) -> set[str]:
        found: set[str] = set()
        while more := {n for n, called in known.items() if (wanted | found) & set(called)} - found:
            found |= more
        return found

    asks, writes = leading_to({"may_contact", "may_contact_each"}), leading_to({"Mail", "Sms"})
    used = {
        name.rpartition(".")[2]
        for path, other in sources()
        if path != WRITER
        for name, _ in [*attributes(other), *imports(other)]
        if name.startswith(("making.", "jobs.making."))
    }
    doors = used & writes
    assert doors, "nobody uses it any more"
    assert doors <= asks, "written without the gate"
    for name in doors:
        gate = min(line for called, line in known[name].items() if called in asks)
        form = min(line for called, line in known[name].items() if called in writes)
        assert gate < form, name
    for name in asks:
        if {"may_contact", "may_contact_each"} & set(known[name]):
            assert "keep" in known[name], f"{name} forgets the gate's answer"


def test_only_the_door_uses_the_writer() -> None:
    """C-01: what the writer made is handed over where it is made for, and by nobody else."""
    users = {
        path
        for path, tree in sources()
        for name, _ in imports(tree)
        if name == "jobs.making" or name.startswith("jobs.making.")
    }
    assert users == {DOOR}


def test_messages_begin_in_the_queue() -> None:
    """P-25: a row of `message` is made by the outbox of the rules alone, with the fact that it tells."""
    made = {
        path
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Message", "messages.Message")
    }
    assert made == {"receivables/outbox.py"}
