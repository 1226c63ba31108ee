"""How a service answers: orjson bodies, and every failure as problem+json."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from platform_app.kit.db import error_kind
from platform_app.kit.log import Log
from platform_app.kit.metrics import Metrics
from platform_app.kit.problem import Problem
from platform_app.kit.trace import current
from platform_app.kit.wording import worded

log = Log("platform.http")
_HTTP_WORDS = {400: "请求内容无法解析", 404: "没有这个地址", 405: "不支持的请求方法"}


class Json(Response):
    """A JSON answer by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def answer(problem: Problem) -> Response:
    """A problem as an HTTP answer, with the trace's id for support."""
    trace = current()
    body = orjson.dumps(problem.body(trace.trace_id if trace else ""))
    return Response(body, problem.status, problem.headers, "application/problem+json")


def on_problem(app: FastAPI) -> None:
    """Problems and Starlette's own errors (404, 405) become problem+json."""

    @app.exception_handler(Problem)
    async def known(_request: Request, error: Problem) -> Response:
        return answer(error)

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> Response:
        detail = _HTTP_WORDS.get(error.status_code, str(error.detail))
        return answer(Problem(error.status_code, "http_error", detail, headers=dict(error.headers or {})))


def on_invalid(app: FastAPI) -> None:
    """A request that does not fit its schema: 422 with each field's mistake."""

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        wrong = [{"field": ".".join(str(p) for p in e["loc"]), "message": worded(e)} for e in error.errors()]
        return answer(Problem(422, "invalid", "请求内容有误", errors=wrong))


def on_database_error(app: FastAPI, metrics: Metrics) -> None:
    """A locked or absent database is 503 with Retry-After, any other database error 500; all are counted."""

    @app.exception_handler(SQLAlchemyError)
    async def failed(request: Request, error: SQLAlchemyError) -> Response:
        kind = error_kind(error)
        metrics.database_errors.labels(metrics.service, kind).inc()
        log.error(f"database.{kind}", exc=error if kind == "other" else None, path=request.url.path, error=str(error))
        if kind == "other":
            return answer(Problem(500, "internal", "系统内部错误"))
        return answer(Problem(503, f"database_{kind}", "系统繁忙,请稍后再试", headers={"Retry-After": "2"}))
