"""The pages behind the links of a message: what happened, who has it, one button. A GET changes nothing."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route as Path

from opsctl.api import link_pages
from opsctl.core.clock import Clock
from opsctl.core.errors import Conflict, Forbidden, NotFound, OpsctlError
from opsctl.flows.acknowledging import Acknowledging, Opened
from opsctl.model.person import Person
from opsctl.oncall.links import COOKIE_SECONDS

COOKIE = "opsctl_person"
_STATUS: dict[type[OpsctlError], int] = {Forbidden: 403, NotFound: 404, Conflict: 409}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


class LinkPages:
    """/links/ack/{token} and /links/details/{token}."""

    def __init__(self, acknowledging: Acknowledging, clock: Clock) -> None:
        self._acknowledging, self._clock = acknowledging, clock

    def routes(self) -> list[Path]:
        return [
            Path("/links/ack/{token}", self.show, methods=["GET"]),
            Path("/links/ack/{token}", self.acknowledge, methods=["POST"]),
            Path("/links/details/{token}", self.details, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        try:
            opened = await self._open(request)
        except OpsctlError as error:
            return _refused(error)
        forget = request.query_params.get("who") == "other"
        return _page(
            link_pages.acknowledge(opened, self._acknowledging.oncall, None if forget else self._known(request))
        )

    async def acknowledge(self, request: Request) -> Response:
        """One POST: takes on what still fires, and remembers who one is."""
        try:
            opened = await self._open(request)
            form = parse_qs((await request.body())[:4096].decode("utf-8", "replace"))
            person = self._chosen(form) or self._known(request)
            if person is None:
                return _page(link_pages.acknowledge(opened, self._acknowledging.oncall, None, missing=True), 400)
            if opened.open:
                await run_in_threadpool(
                    self._acknowledging.give, opened.open, person.name, opened.via, "", self._clock.now()
                )
        except OpsctlError as error:
            return _refused(error)
        made = RedirectResponse(str(request.url.path), 303, headers=_HEADERS)
        made.set_cookie(
            COOKIE, self._acknowledging.links.cookie(person.id), max_age=COOKIE_SECONDS, path="/links", httponly=True,
            samesite="lax", secure=request.url.scheme == "https",
        )  # fmt: skip
        return made

    async def details(self, request: Request) -> Response:
        try:
            opened = await self._open(request)
        except OpsctlError as error:
            return _refused(error)
        return _page(link_pages.details(opened))

    async def _open(self, request: Request) -> Opened:
        return await run_in_threadpool(self._acknowledging.open, request.path_params["token"], self._clock.now())

    def _known(self, request: Request) -> Person | None:
        said = self._acknowledging.links.person(request.cookies.get(COOKIE, ""))
        return self._acknowledging.person(said, said)

    def _chosen(self, form: dict[str, list[str]]) -> Person | None:
        chosen, typed = (form.get(name, [""])[0].strip() for name in ("person", "name"))
        return self._acknowledging.person(chosen, typed) if chosen or typed else None


def _page(body: str, status: int = 200) -> Response:
    return HTMLResponse(body, status, headers=_HEADERS)


def _refused(error: OpsctlError) -> Response:
    status = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), 500)
    return _page(link_pages.refused(escape(error.message), escape(error.hint)), status)
