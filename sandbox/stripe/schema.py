"""The front door: decodes a form-encoded request and judges it by the API description.

The description (`sandbox/data/stripe-openapi-subset.json.gz`) is made from the type annotations of the Stripe
SDK, so what the installed SDK's version of the API does not know is refused here as Stripe would refuse it.
"""

from __future__ import annotations

import gzip
import json
import re
import urllib.parse
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError, best_match

from sandbox.stripe.errors import ApiError, absent, refused_param

DATA_FILE = Path(__file__).resolve().parent.parent / "data" / "stripe-openapi-subset.json.gz"
FORM = "application/x-www-form-urlencoded"
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500


def form_name(path: list[str | int]) -> str:
    """Spells a path as Stripe spells it in `param`.

    >>> form_name(["line_items", 0, "quantity"])
    'line_items[0][quantity]'
    """
    return "".join(str(part) if i == 0 else f"[{part}]" for i, part in enumerate(path))


def decode_form(text: str) -> dict[str, Any]:
    """Turns a form body or query string into nested dicts and lists of strings.

    Args:
        text: form-encoded pairs, `a[b]=1&c[0]=x&d[]=y`.

    >>> decode_form("a[b]=1&c[0]=x&c[1]=y&types[]=z")
    {'a': {'b': '1'}, 'c': ['x', 'y'], 'types': ['z']}
    """
    root: dict[str, Any] = {}
    for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True):
        head, _, tail = name.partition("[")
        parts = [head, *re.findall(r"\[([^\]]*)\]", "[" + tail)] if tail else [head]
        here = root
        for part in parts[:-1]:
            here = here.setdefault(part, {})
            if not isinstance(here, dict):
                raise refused_param(head, f"Invalid parameter name: {name}")
        last = parts[-1] if parts[-1] else str(len(here))
        here[last] = value
    return {key: _as_lists(value) for key, value in root.items()}


def _as_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_as_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _as_lists(child) for key, child in value.items()}


@dataclass(frozen=True)
class Operation:
    """One operation of the description: HTTP method, path pattern, what goes in and what comes out."""

    method: str
    path: str
    request: dict[str, Any]
    response: dict[str, Any]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{\w+\}", r"([^/]+)", self.path))


class Description:
    """The API description, read once; answers what a request or a response lacks.

    Args:
        path: the gzip'd JSON description.
    """

    def __init__(self, path: Path = DATA_FILE) -> None:
        with gzip.open(path) as file:
            spec = json.load(file)
        self.version: str = spec["info"]["version"]
        self.components: dict[str, Any] = {
            name: _nullable(schema) for name, schema in spec["components"]["schemas"].items()
        }
        # Paths without a placeholder first: /v1/balance must not be taken for an object's id.
        self.operations = [
            Operation(
                method.upper(),
                path,
                _nullable(
                    op["requestBody"]["content"][FORM]["schema"] if method == "post" else op["x-query-schema"]
                ),
                _nullable(op["responses"]["200"]["content"]["application/json"]["schema"]),
            )
            for path, ops in sorted(spec["paths"].items(), key=lambda item: (item[0].count("{"), item[0]))
            for method, op in ops.items()
        ]

    def find(self, method: str, path: str) -> tuple[Operation, str | None] | None:
        """Finds the operation for a method and a path, with the object's id when the path holds one."""
        for operation in self.operations:
            match = operation.pattern.fullmatch(path)
            if match and operation.method == method.upper():
                return operation, match.group(1) if match.groups() else None
        return None

    def faults(self, schema: dict[str, Any], value: Any) -> list[ValidationError]:
        """Lists what is wrong with a value; empty when nothing is."""
        validator = Draft7Validator({"components": {"schemas": self.components}, **schema})
        return sorted(validator.iter_errors(value), key=lambda error: [str(part) for part in error.path])

    def request_faults(self, operation: Operation, value: dict[str, Any]) -> list[ApiError]:
        """Words each fault of a decoded and coerced request as Stripe does."""
        return [_worded(error) for error in self.faults(operation.request, value)]

    def response_faults(self, operation: Operation, value: Any) -> list[str]:
        """Lists what is wrong with an answer, one line each."""
        lines = []
        for error in self.faults(operation.response, value):
            deepest = (best_match([error]) or error) if error.context else error
            lines.append(f"{form_name(list(deepest.absolute_path))}: {deepest.message[:200]}")
        return lines

    def coerce(self, schema: dict[str, Any], value: Any) -> Any:
        """Gives form strings the types which the schema asks for; what does not fit stays as it is."""
        schema = self.resolve(schema)
        if "anyOf" in schema:
            branches = schema["anyOf"]
            for branch in branches:
                candidate = self.coerce(branch, value)
                if not self.faults(branch, candidate):
                    return candidate
            return self.coerce(branches[-1], value)
        if isinstance(value, dict):
            known, others = schema.get("properties", {}), schema.get("additionalProperties")
            others = others if isinstance(others, dict) else {}
            return {key: self.coerce(known.get(key, others), child) for key, child in value.items()}
        if isinstance(value, list):
            return [self.coerce(schema.get("items", {}), child) for child in value]
        if schema.get("type") == "integer" and re.fullmatch(r"-?\d{1,18}", str(value)):
            return int(value)
        if schema.get("type") == "boolean" and value in ("true", "false"):
            return value == "true"
        return value

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Follows `$ref` to the schema it names."""
        while "$ref" in schema:
            schema = self.components[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def expandable(self, kind: str, name: str) -> bool:
        """Whether an object's field holds an id that `expand` may replace by the object."""
        field = self.components.get(kind, {}).get("properties", {}).get(name)
        if field is None:
            return False
        options = _flat(field)
        return any(option.get("type") == "string" for option in options) and any(
            "$ref" in option or option.get("type") == "object" for option in options
        )


def check_request(description: Description, operation: Operation, raw: str) -> dict[str, Any]:
    """Decodes and judges a request.

    Args:
        description: the API description.
        operation: the operation asked for.
        raw: form body of a POST or query string of a GET.
    Returns:
        The parameters, nested and typed.
    Raises:
        ApiError: 400 with `param` for the first fault.
    """
    params: dict[str, Any] = description.coerce(operation.request, decode_form(raw))
    faults = description.request_faults(operation, params)
    if faults:
        raise faults[0]
    _check_metadata([], params)
    return params


def _check_metadata(path: list[str | int], value: Any) -> None:
    if isinstance(value, list):
        for i, child in enumerate(value):
            _check_metadata([*path, i], child)
    if not isinstance(value, dict):
        return
    for key, child in value.items():
        if key != "metadata" or not isinstance(child, dict):
            _check_metadata([*path, key], child)
            continue
        name = form_name([*path, key])
        if len(child) > METADATA_KEYS:
            raise refused_param(name, f"You can specify up to {METADATA_KEYS} metadata keys.")
        for word, text in child.items():
            if len(word) > METADATA_KEY_LENGTH:
                raise refused_param(
                    name, f"Metadata keys may be up to {METADATA_KEY_LENGTH} characters: {word}"
                )
            if len(text) > METADATA_VALUE_LENGTH:
                raise refused_param(
                    f"{name}[{word}]", f"Metadata values can have up to {METADATA_VALUE_LENGTH} characters."
                )


def _worded(error: ValidationError) -> ApiError:
    """Words one schema fault; a fault inside alternatives is worded by its deepest cause."""
    deepest = (best_match([error]) or error) if error.context else error
    path = list(deepest.absolute_path)
    if deepest.validator == "additionalProperties":
        known = deepest.schema.get("properties", {})
        unknown = next(key for key in deepest.instance if key not in known)
        name = form_name([*path, unknown])
        return refused_param(name, f"Received unknown parameter: {name}", "parameter_unknown")
    if deepest.validator == "required":
        name = next(key for key in deepest.validator_value if key not in deepest.instance)
        return absent(form_name([*path, name]))
    name = form_name(path)
    if deepest.validator == "enum":
        known_values = ", ".join(str(value) for value in deepest.validator_value[:20])
        return refused_param(name, f"Invalid {name}: must be one of {known_values}")
    if deepest.validator_value == "integer":
        return refused_param(name, f"Invalid integer: {deepest.instance}", "parameter_invalid_integer")
    return refused_param(name, f"Invalid {deepest.validator_value}: {deepest.instance}")


def _nullable(schema: Any) -> Any:
    """Rewrites OpenAPI 3.0's `nullable` for JSON Schema, which has no such word."""
    if isinstance(schema, list):
        return [_nullable(child) for child in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: _nullable(child) for key, child in schema.items()}
    if schema.get("nullable") is True:
        del schema["nullable"]
        return {"anyOf": [schema, {"type": "null"}]} if schema else {}
    return schema


def _flat(schema: dict[str, Any]) -> list[dict[str, Any]]:
    if "anyOf" not in schema:
        return [schema]
    return [option for branch in schema["anyOf"] for option in _flat(branch)]
