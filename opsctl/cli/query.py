"""opsctl query: evaluate a PromQL expression on the running product, or on any Prometheus."""

from __future__ import annotations

import re
import sys
import time
from typing import Annotated, Any

import typer
from rich.markup import escape

from opsctl.cli.output import AsJson, AsRole, ConfigFile, console, print_json, table
from opsctl.cli.plot import Line, draw, step_of
from opsctl.client.http import OpsClient, connect
from opsctl.core.clock import local, parse_iso
from opsctl.core.errors import UsageError
from opsctl.core.settings import load_settings
from opsctl.model.duration import parse_duration
from opsctl.model.labels import Labels

app = typer.Typer(add_completion=False)

Url = Annotated[str, typer.Option("--url", help="Ask this Prometheus instead of the running product.", metavar="URL")]
_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 40
_PLACE = re.compile(r"(\d+):(\d+): parse error")


@app.command()
def run(
    expr: Annotated[str, typer.Argument(help="A PromQL expression.", metavar="EXPR")],
    range_: Annotated[str, typer.Option("--range", help="Look back this long, e.g. 6h.", metavar="DURATION")] = "",
    step: Annotated[
        str, typer.Option("--step", help="Step of a range; a fitting one by itself.", metavar="DURATION")
    ] = "",
    plot: Annotated[bool, typer.Option("--plot", help="Draw the range (1h without --range).")] = False,
    at: Annotated[str, typer.Option("--at", help="Evaluate at this time (RFC 3339) instead of now.")] = "",
    url: Url = "",
    role: AsRole = "operator",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a PromQL expression now, or over a range. Exits 1 when there is no result.

    Example: opsctl query 'sum by (service) (rate(http_requests_total[5m]))' --range 1h --plot
    """
    client = client_of(url, role, config)
    now = parse_iso(at) if at else time.time()
    back = _seconds(range_, "--range") or (3600.0 if plot else 0.0)
    gap = _seconds(step, "--step") or step_of(back)
    data = _asked(client, expr, now, back, gap)
    if as_json:
        print_json(data)
    elif plot and data["result"]:
        _plot(data["result"], now - back, now, gap)
    else:
        _show(data)
    if data["resultType"] in ("vector", "matrix") and not data["result"]:
        raise typer.Exit(1)


def client_of(url: str, role: str, config: str | None) -> OpsClient:
    """The running product with a role's token, or the Prometheus at `url`."""
    return OpsClient(url, "") if url else connect(load_settings(config), role)


def _asked(client: OpsClient, expr: str, now: float, back: float, step: float) -> Any:
    try:
        if back:
            return client.get("/api/v1/query_range", query=expr, start=now - back, end=now, step=step)["data"]
        return client.get("/api/v1/query", query=expr, time=now)["data"]
    except UsageError as error:
        raise UsageError(error.message, pointer(expr, error.message)) from error


def pointer(expr: str, message: str) -> str:
    """The line of the expression that is wrong, with a mark under the character; '' where the message names none."""
    place = _PLACE.search(message)
    lines = expr.split("\n")
    if place is None or not 0 < int(place[1]) <= len(lines):
        return ""
    return f"{lines[int(place[1]) - 1]}\n        {' ' * (int(place[2]) - 1)}^"


def _seconds(text: str, flag: str) -> float:
    try:
        return parse_duration(text) if text else 0.0
    except ValueError as error:
        raise UsageError(f"{flag}: {error}") from error


def _show(data: Any) -> None:
    kind, result = data["resultType"], data["result"]
    if kind in ("scalar", "string"):
        console.print(result[1], markup=False)
    elif not result:
        console.print("没有结果 / no result", style="dim")
    elif kind == "vector":
        table(("series", "value"), ((_name(r["metric"]), r["value"][1]) for r in result))
    else:
        table(
            ("series", "samples", "last", "at", "trend"),
            (
                (_name(r["metric"]), len(r["values"]), r["values"][-1][1], local(float(r["values"][-1][0]), "%H:%M:%S"),
                 sparkline([float(v) for _, v in r["values"]]))
                for r in result
            ),
        )  # fmt: skip


def _plot(result: Any, begin: float, end: float, step: float) -> None:
    lines = [Line(str(Labels(r["metric"])), [(float(at), float(v)) for at, v in r["values"]]) for r in result]
    sys.stdout.write(f"{draw(lines, begin, end, step)}\n")


def _name(metric: dict[str, str]) -> str:
    return escape(str(Labels(metric)))


def sparkline(values: list[float], width: int = _WIDTH) -> str:
    """The values as at most `width` bars, the lowest ▁ and the highest █; NaN and infinities are left blank."""
    count = min(width, len(values))
    picked = [values[i * len(values) // count] for i in range(count)]
    finite = [v for v in picked if abs(v) != float("inf") and v == v]
    if not finite:
        return ""
    low, spread = min(finite), max(finite) - min(finite)

    def bar(value: float) -> str:
        if value != value or abs(value) == float("inf"):
            return " "
        return _BARS[int((value - low) / spread * (len(_BARS) - 1) + 0.5)] if spread else _BARS[0]

    return "".join(bar(v) for v in picked)
