"""ECS JSON logs (or logfmt): an event name and key-values, one object a line, to stderr or a rotated file."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import orjson

from opsctl.core.clock import iso

_ECS_VERSION = "8.11.0"


class EcsFormatter(logging.Formatter):
    """One log record as an ECS JSON line. Source: Elastic Common Schema 8.11."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "@timestamp": iso(record.created),
            "log.level": record.levelname.lower(),
            "message": record.getMessage(),
            "ecs.version": _ECS_VERSION,
            "service.name": self._service,
            "log.logger": record.name,
        }
        fields.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0] is not None:
            fields["error.type"] = record.exc_info[0].__name__
            fields["error.message"] = str(record.exc_info[1])
            fields["error.stack_trace"] = self.formatException(record.exc_info)
        return orjson.dumps(fields, default=str).decode()


class LogfmtFormatter(logging.Formatter):
    """One log record as a logfmt line: `time=… level=INFO msg="…" key=value`. Source: prometheus/common promslog."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": iso(record.created), "level": record.levelname.replace("WARNING", "WARN"), "source": record.name,
            "msg": record.getMessage(), **getattr(record, "fields", {}),
        }  # fmt: skip
        fields.pop("event.action", None)
        if record.exc_info and record.exc_info[0] is not None:
            fields["err"] = f"{record.exc_info[0].__name__}: {record.exc_info[1]}"
        return " ".join(f"{key}={_logfmt(value)}" for key, value in fields.items())


def _logfmt(value: Any) -> str:
    text = str(value)
    return orjson.dumps(text).decode() if not text or any(c <= " " or c in '="' for c in text) else text


class Log:
    """A named logger: `log.info("scrape.failed", target=url, error=str(e))`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **fields: Any) -> None:
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, exc: BaseException | None = None, **fields: Any) -> None:
        self._write(logging.ERROR, event, fields, exc)

    def debug(self, event: str, **fields: Any) -> None:
        self._write(logging.DEBUG, event, fields)

    def _write(self, level: int, event: str, fields: dict[str, Any], exc: BaseException | None = None) -> None:
        self._logger.log(level, event, extra={"fields": {"event.action": event, **fields}}, exc_info=exc)


def configure(service: str, file: Path | None = None, level: str = "INFO", logfmt: bool = False) -> None:
    """Sends every logger's lines as ECS JSON to `file` (rotated at 20 MB, 3 kept) or stderr; `logfmt`: as logfmt."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(file, maxBytes=20_000_000, backupCount=3, encoding="utf-8")
    handler.setFormatter(LogfmtFormatter() if logfmt else EcsFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
