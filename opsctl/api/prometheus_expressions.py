"""The endpoints that look at an expression without evaluating it: format_query, parse_query, query_exemplars."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from opsctl.api.prometheus_errors import ApiError, bad
from opsctl.api.prometheus_json import success
from opsctl.api.prometheus_params import read_form, time_of
from opsctl.api.prometheus_printing import pretty
from opsctl.api.prometheus_times import FIRST, LAST
from opsctl.api.prometheus_tree import tree
from opsctl.api.prometheus_wrapping import nothing
from opsctl.flows.evaluating import selectors_in
from opsctl.promql import PromqlError, parse
from opsctl.promql.number import printable


async def format_query(request: Request) -> Response:
    """The expression, laid out."""
    text = (await read_form(request)).get("query")
    try:
        return success(printable(await asyncio.to_thread(lambda: pretty(parse(text), text))))
    except PromqlError as error:
        raise bad("query", error.message) from error


async def parse_query(request: Request) -> Response:
    """The expression's syntax tree."""
    text = (await read_form(request)).get("query")
    try:
        return success(await asyncio.to_thread(lambda: tree(parse(text), text)))
    except PromqlError as error:
        raise bad("query", error.message) from error


async def exemplars(request: Request) -> Response:
    """None are kept; what is wrong with the question is said all the same."""
    form = await read_form(request)
    start, end = time_of(form, "start", FIRST), time_of(form, "end", LAST)
    if end < start:
        raise ApiError("bad_data", "end timestamp must not be before start timestamp")
    try:
        node = await asyncio.to_thread(parse, form.get("query"))
    except PromqlError as error:
        raise ApiError("bad_data", error.message) from error
    return success([]) if any(selectors_in(node)) else await nothing(request)
