"""An answer of Prometheus' API with `status: error`."""

from __future__ import annotations


class ApiError(Exception):
    """`kind` is Prometheus' errorType, which decides the HTTP status."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def bad(name: str, why: str) -> ApiError:
    """A parameter that is wrong, in Prometheus' words."""
    return ApiError("bad_data", f'invalid parameter "{name}": {why}')
