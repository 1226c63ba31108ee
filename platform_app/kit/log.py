"""ECS JSON logs with the trace of the request: an event name and key-values, one object a line, personal data masked."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import orjson

from platform_app.kit.masking import masked, sweep
from platform_app.kit.trace import current

_ECS_VERSION = "8.11.0"


class EcsFormatter(logging.Formatter):
    """One log record as an ECS JSON line. Source: Elastic Common Schema 8.11."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields: dict[str, Any] = {
            "@timestamp": at,
            "log.level": record.levelname.lower(),
            "message": sweep(record.getMessage()),
            "ecs.version": _ECS_VERSION,
            "service.name": self._service,
            "log.logger": record.name,
        }
        trace = current()
        if trace is not None:
            fields |= {"trace.id": trace.trace_id, "span.id": trace.span_id}
            fields["http.request.id"] = sweep(trace.request_id)  # the caller may have chosen it
        fields |= masked(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0] is not None:
            fields["error.type"] = record.exc_info[0].__name__
            fields["error.message"] = sweep(str(record.exc_info[1]))
            fields["error.stack_trace"] = sweep(self.formatException(record.exc_info))
        return orjson.dumps(fields, default=str).decode()


class Log:
    """A named logger: `log.info("order.held", order_id=7)`; the trace of the request is added."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **fields: Any) -> None:
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, exc: BaseException | None = None, **fields: Any) -> None:
        self._write(logging.ERROR, event, fields, exc)

    def _write(self, level: int, event: str, fields: dict[str, Any], exc: BaseException | None = None) -> None:
        if self._logger.isEnabledFor(level):
            extra = {"fields": {"event.action": event, **fields}}
            self._logger.log(level, event, extra=extra, exc_info=exc)


def configure(service: str, folder: str, level: str = "INFO") -> None:
    """Sends all lines to `folder/<service>.json.log` (rotated at 20 MB, 3 kept), and warnings to stderr too."""
    stderr = logging.StreamHandler(sys.stderr)
    handlers: list[logging.Handler] = [stderr]
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        file = Path(folder) / f"{service}.json.log"
        handlers.append(RotatingFileHandler(file, maxBytes=20_000_000, backupCount=3, encoding="utf-8"))
        stderr.setLevel(logging.WARNING)
    for handler in handlers:
        handler.setFormatter(EcsFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(level)
    for noisy in ("alembic", "aiosqlite", "asyncio", "urllib3", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
