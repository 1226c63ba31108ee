"""The pages behind the links of a message: what happened, who has it, one button. A GET changes nothing.

A personal link serves its person alone: who is known by a cookie as somebody else is refused.
"""

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
from opsctl.flows.link_silencing import LinkSilencing
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
    """/links/ack/{token}, /links/silence/{token} and /links/details/{token}."""

    def __init__(self, acknowledging: Acknowledging, silencing: LinkSilencing, clock: Clock) -> None:
        self._acknowledging, self._silencing, self._clock = acknowledging, silencing, clock

    def routes(self) -> list[Path]:
        return [
            Path("/links/ack/{token}", self.show, methods=["GET"]),
            Path("/links/ack/{token}", self.acknowledge, methods=["POST"]),
            Path("/links/silence/{token}", self.show_silence, methods=["GET"]),
            Path("/links/silence/{token}", self.silence, methods=["POST"]),
            Path("/links/details/{token}", self.details, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        try:
            opened = await self._open(request)
        except OpsctlError as error:
            return _refused(error)
        return _page(link_pages.acknowledge(opened, self._acknowledging.oncall, self._asked(request, opened)))

    async def acknowledge(self, request: Request) -> Response:
        """One POST: takes on what still fires, and remembers who one is. Used again, it changes nothing."""
        try:
            opened = await self._open(request)
            person = await self._who(request, opened)
            if person is None:
                return _page(link_pages.acknowledge(opened, self._acknowledging.oncall, None, missing=True), 400)
            if opened.open:
                await run_in_threadpool(
                    self._acknowledging.give, opened.open, person.name, opened.via, "", self._clock.now()
                )
        except OpsctlError as error:
            return _refused(error)
        return self._done(request, person)

    async def show_silence(self, request: Request) -> Response:
        try:
            opened = await self._open(request)
            plan = self._silencing.plan(opened, self._clock.now())
        except OpsctlError as error:
            return _refused(error)
        return _page(link_pages.silence(opened, plan, self._acknowledging.oncall, self._asked(request, opened)))

    async def silence(self, request: Request) -> Response:
        """One POST: silences for an hour what still fires. Used again, it changes nothing."""
        try:
            opened = await self._open(request)
            person = await self._who(request, opened)
            if person is None:
                plan = self._silencing.plan(opened, self._clock.now())
                return _page(link_pages.silence(opened, plan, self._acknowledging.oncall, None, missing=True), 400)
            written = self._silencing.give(opened, person.name, self._clock.now())
            if written is not None:
                await written
        except OpsctlError as error:
            return _refused(error)
        return self._done(request, person)

    async def details(self, request: Request) -> Response:
        try:
            opened = await self._open(request)
        except OpsctlError as error:
            return _refused(error)
        return _page(link_pages.details(opened))

    async def _open(self, request: Request) -> Opened:
        opened = await run_in_threadpool(self._acknowledging.open, request.path_params["token"], self._clock.now())
        known = self._acknowledging.links.person(request.cookies.get(COOKIE, ""))
        if opened.person and known and known != self._acknowledging.owner(opened.person).id:
            owner = self._acknowledging.owner(opened.person).name
            raise Forbidden(f"这是发给 {owner} 的链接 / this link is somebody else's", "用发给你的消息里的链接")
        return opened

    async def _who(self, request: Request, opened: Opened) -> Person | None:
        if opened.person:
            return self._acknowledging.owner(opened.person)
        form = parse_qs((await request.body())[:4096].decode("utf-8", "replace"))
        return self._chosen(form) or self._known(request)

    def _asked(self, request: Request, opened: Opened) -> Person | None:
        """Who a page takes the reader for; None when it has to ask."""
        if opened.person:
            return self._acknowledging.owner(opened.person)
        return None if request.query_params.get("who") == "other" else self._known(request)

    def _known(self, request: Request) -> Person | None:
        said = self._acknowledging.links.person(request.cookies.get(COOKIE, ""))
        return self._acknowledging.person(said, said)

    def _chosen(self, form: dict[str, list[str]]) -> Person | None:
        chosen, typed = (form.get(name, [""])[0].strip() for name in ("person", "name"))
        return self._acknowledging.person(chosen, typed) if chosen or typed else None

    def _done(self, request: Request, person: Person) -> Response:
        """Back to the same page, which now says what was done; never anywhere else."""
        made = RedirectResponse(str(request.url.path), 303, headers=_HEADERS)
        made.set_cookie(
            COOKIE, self._acknowledging.links.cookie(person.id), max_age=COOKIE_SECONDS, path="/links", httponly=True,
            samesite="lax", secure=request.url.scheme == "https",
        )  # fmt: skip
        return made


def _page(body: str, status: int = 200) -> Response:
    return HTMLResponse(body, status, headers=_HEADERS)


def _refused(error: OpsctlError) -> Response:
    status = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), 500)
    return _page(link_pages.refused(escape(error.message), escape(error.hint)), status)
