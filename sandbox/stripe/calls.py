"""One call as an operation sees it, and the objects that its answer shows in place of ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.stripe import checkout
from sandbox.stripe.errors import ApiError, missing, refused_param
from sandbox.stripe.schema import Description, form_name
from sandbox.stripe.store import Unit

EXPAND_DEPTH = 4


@dataclass
class Call:
    """One call whose key, version and parameters are in order."""

    unit: Unit
    params: dict[str, Any]
    object_id: str | None
    description: Description
    base_url: str

    def subject(self, kind: str) -> dict[str, Any]:
        """The object named in the path.

        Raises:
            ApiError: 404 `resource_missing`.
        """
        found = self.unit.get(self.object_id or "", kind)
        if found is None:
            raise missing(kind, self.object_id or "")
        return found

    def expand(self, result: dict[str, Any]) -> dict[str, Any]:
        """Replaces ids by objects as the caller asked.

        Raises:
            ApiError: 400 for a property that has no object behind it, or lies too deep.
        """
        for i, path in enumerate(self.params.get("expand", [])):
            names = path.split(".")
            if len(names) > EXPAND_DEPTH:
                raise refused_param(
                    form_name(["expand", i]), "You cannot expand more than 4 levels of a property."
                )
            _expand(self, result, names, path, i)
        return result


def _expand(call: Call, value: dict[str, Any], names: list[str], path: str, index: int) -> None:
    if not names:
        return
    if value.get("object") == "list" and names[0] == "data":
        for child in value["data"]:
            _expand(call, child, names[1:], path, index)
        return
    name, kind = names[0], value.get("object", "")
    if kind == "checkout.session" and name == "line_items":
        lines = checkout.lines_of(call.unit, value["id"])
        url = f"/v1/checkout/sessions/{value['id']}/line_items"
        value["line_items"] = {"object": "list", "data": lines[:10], "has_more": len(lines) > 10, "url": url}
        return
    if not call.description.expandable(kind, name):
        raise ApiError(400, f"This property cannot be expanded ({path}).", param=form_name(["expand", index]))
    if isinstance(value.get(name), str):
        value[name] = call.unit.get(value[name]) or value[name]
    if isinstance(value.get(name), dict):
        _expand(call, value[name], names[1:], path, index)
