"""HTTP client of the running product: the operations API with a bearer token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

from opsctl.core.errors import Conflict, Forbidden, NotFound, OpsctlError, Unreachable, UsageError
from opsctl.core.settings import Settings

_BY_STATUS: dict[int, type[OpsctlError]] = {
    400: UsageError, 401: Forbidden, 403: Forbidden, 404: NotFound, 409: Conflict, 422: UsageError, 503: Unreachable,
}  # fmt: skip


class OpsClient:
    """Calls `{ops_url}{path}`; answers are JSON. Raises the error of the tree that fits problem+json's status."""

    def __init__(self, url: str, token: str, timeout: float = 30.0) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **params: Any) -> Any:
        return self._call("GET", path, params={k: v for k, v in params.items() if v is not None})

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        return self._call("POST", path, json=body, params=params)

    def put(self, path: str, body: Any = None) -> Any:
        return self._call("PUT", path, json=body)

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path)

    def lines(self, path: str, **params: Any) -> Iterator[bytes]:
        """The lines of a streamed answer (`logs tail`)."""
        with self._send("GET", path, params=params, stream=True, timeout=(5, None)) as answer:
            yield from answer.iter_lines()

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._send(method, path, timeout=self._timeout, **arguments)
        if not answer.content:
            return None
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    def _send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        try:
            answer = self._session.request(method, f"{self._url}{path}", **arguments)
        except requests.RequestException as error:
            raise Unreachable(f"the operations API at {self._url} does not answer", "start it: opsctl up") from error
        if answer.ok:
            return answer
        raise _error(answer)


def _error(answer: requests.Response) -> OpsctlError:
    kind = _BY_STATUS.get(answer.status_code, OpsctlError)
    try:
        body = answer.json()
    except ValueError:
        return kind(f"{answer.status_code} {answer.reason}: {answer.text[:200]}")
    if not isinstance(body, dict):
        return kind(f"{answer.status_code} {answer.reason}")
    message = body.get("detail") or body.get("title") or body.get("error") or f"{answer.status_code} {answer.reason}"
    return kind(str(message), str(body.get("hint", "")))


def connect(settings: Settings, role: str = "operator") -> OpsClient:
    """A client with the local token of `role`, from the state folder's `tokens/`."""
    file = settings.home_path / "tokens" / role
    try:
        token = file.read_text().strip()
    except FileNotFoundError as error:
        raise Unreachable(
            f"no token for role {role!r} in {file.parent}", "make up (or opsctl setup) makes them"
        ) from error
    except PermissionError as error:
        raise Forbidden(f"{file} is not yours to read", "run as the user who ran make up") from error
    return OpsClient(settings.ops_url, token)
