"""Refusals in the shape in which Stripe words them."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refusal that becomes an HTTP answer.

    Args:
        status: HTTP status, 400-599.
        message: sentence for the developer.
        type: Stripe's error type, e.g. `invalid_request_error`.
        code: Stripe's error code, e.g. `resource_missing`, or None.
        param: the parameter at fault in form spelling, e.g. `line_items[0][quantity]`, or None.
        stored: whether the answer is kept under the idempotency key. Stripe keeps results once execution
            began; a refused parameter, a conflict and a rate limit leave the key free.
        headers: further response headers, e.g. `Stripe-Should-Retry`.

    Source: docs.stripe.com/api/errors, docs.stripe.com/api/idempotent_requests.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        stored: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        self.headers = headers or {}
        error: dict[str, Any] = {"message": message, "type": type}
        if code:
            error["code"] = code
            error["doc_url"] = f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"
        if param:
            error["param"] = param
        self.body: dict[str, Any] = {"error": error}


def refused_param(param: str, message: str, code: str | None = None) -> ApiError:
    """A parameter's value is refused: 400, nothing was executed, the key stays free."""
    return ApiError(400, message, code=code, param=param)


def absent(param: str) -> ApiError:
    """A required parameter is not there: 400, the key stays free."""
    return refused_param(param, f"Missing required param: {param}.", "parameter_missing")


def refused_state(message: str, code: str | None = None) -> ApiError:
    """The object's present state forbids the call: 400, kept under the key."""
    return ApiError(400, message, code=code, stored=True)


def missing(kind: str, object_id: str, param: str = "id") -> ApiError:
    """No such object: 404 for the object in the path (`param='id'`), 400 for one named in a parameter."""
    status = 404 if param == "id" else 400
    return ApiError(status, f"No such {kind}: '{object_id}'", code="resource_missing", param=param)
