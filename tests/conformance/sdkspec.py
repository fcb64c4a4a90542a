"""Makes the API description out of the installed Stripe SDK's own type annotations.

    python -m tests.conformance.sdkspec        writes sandbox/data/stripe-openapi-subset.json.gz

Requests come from the SDK's parameter TypedDicts, answers from its resource classes. `NotRequired` becomes
optional, `Optional` becomes nullable, and an open enum (`Literal[...] | str`) becomes the closed list of the
values known today, so that a value from an older or newer API is found out. The SDK is MIT-licensed; names
and types are all that is taken.
"""

from __future__ import annotations

import builtins
import gzip
import importlib
import json
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import stripe
import typing_extensions as te

DATA_FILE = Path(__file__).resolve().parents[2] / "sandbox" / "data" / "stripe-openapi-subset.json.gz"
FORM = "application/x-www-form-urlencoded"

# Resource, path segment, which of create, retrieve, update and list are taken.
RESOURCES = (
    ("Customer", "customers", "crul"),
    ("PaymentIntent", "payment_intents", "crul"),
    ("SetupIntent", "setup_intents", "crul"),
    ("PaymentMethod", "payment_methods", "crul"),
    ("Refund", "refunds", "crul"),
    ("Dispute", "disputes", "rul"),
    ("BalanceTransaction", "balance_transactions", "rl"),
    ("Payout", "payouts", "crul"),
    ("Charge", "charges", "rul"),
    ("Event", "events", "rl"),
    ("WebhookEndpoint", "webhook_endpoints", "crul"),
    ("checkout.Session", "checkout/sessions", "crul"),
    ("Mandate", "mandates", "r"),
    ("radar.EarlyFraudWarning", "radar/early_fraud_warnings", "rl"),
    ("Review", "reviews", "r"),
)
# Resource, path, parameters: verbs beyond those four.
VERBS = (
    ("PaymentIntent", "payment_intents/{id}/confirm", "Confirm"),
    ("PaymentIntent", "payment_intents/{id}/cancel", "Cancel"),
    ("PaymentIntent", "payment_intents/{id}/capture", "Capture"),
    ("SetupIntent", "setup_intents/{id}/confirm", "Confirm"),
    ("SetupIntent", "setup_intents/{id}/cancel", "Cancel"),
    ("PaymentMethod", "payment_methods/{id}/attach", "Attach"),
    ("PaymentMethod", "payment_methods/{id}/detach", "Detach"),
    ("Dispute", "disputes/{id}/close", "Close"),
    ("Refund", "refunds/{id}/cancel", "Cancel"),
    ("checkout.Session", "checkout/sessions/{id}/expire", "Expire"),
)
# Objects described in full; others that they name are "some object" (or their id).
KINDS = (
    "payment_intent",
    "setup_intent",
    "charge",
    "customer",
    "refund",
    "dispute",
    "payout",
    "balance_transaction",
    "balance",
    "event",
    "webhook_endpoint",
    "payment_method",
    "mandate",
    "checkout.session",
    "item",
    "radar.early_fraud_warning",
    "review",
)
# Where the SDK keeps names that its modules import for type checkers only.
SHELVES = (
    "stripe",
    "stripe.checkout",
    "stripe.radar",
    "stripe.params",
    "stripe.params.checkout",
    "stripe.params.radar",
    "stripe._expandable_field",
    "stripe._list_object",
    "stripe._stripe_object",
)
# Options of the call itself, which the SDK's parameter types inherit.
NOT_PARAMETERS = (
    "api_key",
    "stripe_version",
    "stripe_account",
    "stripe_context",
    "max_network_retries",
    "idempotency_key",
    "content_type",
    "headers",
)


class Names(Mapping[str, Any]):
    """Resolves a name as its module would after importing what only type checkers import.

    A name that the SDK does not export anywhere stands for anything.
    """

    def __init__(self, module: ModuleType, owner: type | None) -> None:
        self.module = module
        self.owner = owner

    def __getitem__(self, name: str) -> Any:
        inner = vars(self.owner).get(name) if self.owner else None
        if isinstance(inner, type):
            return inner
        shelves = (importlib.import_module(shelf) for shelf in SHELVES)
        for place in (self.module, typing, te, builtins, *shelves):
            if hasattr(place, name):
                return getattr(place, name)
        return Any

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class Describer:
    """Collects schemas while types are turned into them."""

    def __init__(self) -> None:
        self.components: dict[str, dict[str, Any]] = {}

    def schema(self, annotation: Any, module: ModuleType, owner: type | None = None) -> dict[str, Any]:
        """Turns a type annotation into a schema; classes become components."""
        kind = self.resolve(annotation, module, owner)
        if kind in PLAIN:
            return dict(PLAIN[kind])
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (te.NotRequired, te.Required, te.Annotated):
            return self.schema(arguments[0], module, owner)
        if origin is Literal:
            return _choice(arguments)
        if origin in (Union, UnionType):
            return self._union([self.resolve(part, module, owner) for part in arguments], module, owner)
        if origin is list:
            return {"type": "array", "items": self.schema(arguments[0], module, owner)}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.schema(arguments[1], module, owner)}
        if getattr(origin, "__name__", "") == "ListObject":
            return page_of(self.schema(arguments[0], module, owner))
        if not isinstance(kind, type):
            return {}
        if te.is_typeddict(kind):
            return self._parameters(kind)
        if kind.__name__ in ("UntypedStripeObject", "StripeObject"):
            return {"type": "object"}
        return self._resource(kind) if hasattr(kind, "__annotations__") else {}

    def resolve(self, annotation: Any, module: ModuleType, owner: type | None) -> Any:
        """Evaluates an annotation that is still text."""
        if isinstance(annotation, typing.ForwardRef):
            annotation = annotation.__forward_arg__
        if not isinstance(annotation, str):
            return annotation
        return eval(annotation, {"__builtins__": {}}, Names(module, owner))  # noqa: S307 - the SDK's own source

    def _union(self, parts: list[Any], module: ModuleType, owner: type | None) -> dict[str, Any]:
        null = type(None) in parts
        parts = [part for part in parts if part is not type(None)]
        choices = [part for part in parts if get_origin(part) is Literal]
        others = [part for part in parts if get_origin(part) is not Literal]
        if any(set(get_args(choice)) != {""} for choice in choices):
            others = [part for part in others if part is not str]
        if any(get_origin(part) is dict for part in others):
            # Metadata is typed as "dict or StripeObject"; on the wire it is the one thing.
            others = [part for part in others if get_origin(part) is dict or not _is_untyped(part)]
        schemas: list[dict[str, Any]] = []
        for part in choices + others:
            schema = self.schema(part, module, owner)
            if schema not in schemas:
                schemas.append(schema)
        one = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        if not null:
            return one
        return {"nullable": True, "anyOf": [one]} if "$ref" in one else {"nullable": True, **one}

    def _parameters(self, kind: type) -> dict[str, Any]:
        key = f"param.{kind.__name__}"
        if key not in self.components:
            schema: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": {}}
            self.components[key] = schema
            module, required = sys.modules[kind.__module__], []
            for name, annotation in kind.__annotations__.items():
                if name in NOT_PARAMETERS:
                    continue
                resolved = self.resolve(annotation, module, kind)
                if get_origin(resolved) is not te.NotRequired:
                    required.append(name)
                schema["properties"][name] = self.schema(resolved, module, kind)
            if required:
                schema["required"] = sorted(required)
        return {"$ref": f"#/components/schemas/{key}"}

    def _resource(self, kind: type) -> dict[str, Any]:
        word = getattr(kind, "OBJECT_NAME", None)
        if word and word not in KINDS:
            return {"type": "object"}
        key = word or f"{kind.__module__.removeprefix('stripe.')}.{kind.__qualname__}"
        if key not in self.components:
            schema: dict[str, Any] = {"type": "object", "properties": {}}
            self.components[key] = schema
            module, required = sys.modules[kind.__module__], []
            for attribute, annotation in kind.__annotations__.items():
                resolved = self.resolve(annotation, module, kind)
                if get_origin(resolved) is typing.ClassVar or attribute == "OBJECT_NAME":
                    continue
                name = "from" if attribute == "_from" else attribute
                if name.startswith("_"):
                    continue
                schema["properties"][name] = self.schema(resolved, module, kind)
                if not schema["properties"][name].get("nullable") and name != "deleted":
                    required.append(name)
            if required:
                schema["required"] = sorted(required)
        return {"$ref": f"#/components/schemas/{key}"}


PLAIN: dict[Any, dict[str, Any]] = {
    Any: {},
    object: {},
    type(None): {"nullable": True},
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    Decimal: {"type": "string", "format": "decimal"},
}


#: What is left of a deleted object; the SDK types it as the whole object.
GONE: dict[str, Any] = {
    "type": "object",
    "required": ["deleted", "id", "object"],
    "properties": {"deleted": {"enum": [True]}, "id": {"type": "string"}, "object": {"type": "string"}},
}


def _choice(values: tuple[Any, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {"enum": sorted(values, key=str)}
    if all(isinstance(value, str) for value in values):
        schema["type"] = "string"
    return schema


def _is_untyped(kind: Any) -> bool:
    return getattr(get_origin(kind) or kind, "__name__", "").startswith("UntypedStripeObject")


def page_of(item: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list answer."""
    return {
        "type": "object",
        "required": ["object", "data", "has_more", "url"],
        "properties": {
            "object": {"enum": ["list"], "type": "string"},
            "data": {"type": "array", "items": item},
            "has_more": {"type": "boolean"},
            "url": {"type": "string"},
        },
    }


def _look_up(dotted: str) -> Any:
    room, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(f"stripe.{room}" if room else "stripe"), name)


def _parameters_of(resource: str, verb: str) -> Any:
    room, _, name = resource.rpartition(".")
    return _look_up(f"{'params.' + room if room else 'params'}.{name}{verb}Params")


def build() -> dict[str, Any]:
    """Builds the whole description."""
    describer = Describer()
    paths: dict[str, dict[str, Any]] = {}

    def add(method: str, path: str, parameters: Any, resource: Any, listed: bool = False) -> None:
        answer = describer.schema(resource, sys.modules[resource.__module__])
        request = describer.schema(parameters, sys.modules[parameters.__module__])
        operation: dict[str, Any] = {
            "operationId": method + path,
            "responses": {
                "200": {
                    "description": "ok",
                    "content": {"application/json": {"schema": page_of(answer) if listed else answer}},
                }
            },
        }
        if method == "post":
            operation["requestBody"] = {"content": {FORM: {"schema": request}}}
        else:
            operation["x-query-schema"] = request
        paths.setdefault(path, {})[method] = operation

    for resource, segment, letters in RESOURCES:
        for letter, method, path, verb in (
            ("c", "post", f"/v1/{segment}", "Create"),
            ("r", "get", f"/v1/{segment}/{{id}}", "Retrieve"),
            ("u", "post", f"/v1/{segment}/{{id}}", "Update"),
            ("l", "get", f"/v1/{segment}", "List"),
        ):
            if letter in letters:
                add(method, path, _parameters_of(resource, verb), _look_up(resource), listed=letter == "l")
    for resource, path, verb in VERBS:
        add("post", f"/v1/{path}", _parameters_of(resource, verb), _look_up(resource))
    ended = _parameters_of("WebhookEndpoint", "Delete")
    paths["/v1/webhook_endpoints/{id}"]["delete"] = {
        "operationId": "delete/v1/webhook_endpoints/{id}",
        "x-query-schema": describer.schema(ended, sys.modules[ended.__module__]),
        "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": GONE}}}},
    }
    add("get", "/v1/balance", _parameters_of("Balance", "Retrieve"), stripe.Balance)
    lines = _parameters_of("checkout.Session", "ListLineItems")
    add("get", "/v1/checkout/sessions/{id}/line_items", lines, stripe.LineItem, listed=True)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Stripe API subset derived from the stripe-python type definitions",
            "version": _api_version(),
            "x-source": f"stripe-python {stripe.VERSION}",
            "license": {"name": "MIT"},
        },
        "paths": paths,
        "components": {"schemas": describer.components},
    }


def _api_version() -> str:
    version = str(_look_up("_api_version._ApiVersion").CURRENT)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d\.\w+", version):
        raise ValueError(f"unexpected API version: {version}")
    return version


def write(path: Path = DATA_FILE) -> None:
    """Writes the description, byte for byte the same each time."""
    text = json.dumps(build(), separators=(",", ":"), sort_keys=True)
    with path.open("wb") as target, gzip.GzipFile("", "wb", fileobj=target, mtime=0) as file:
        file.write(text.encode())


if __name__ == "__main__":
    write()
