"""Asks the metrics home a PromQL expression at this instant."""

from __future__ import annotations

import math
from typing import Any

import requests

from opsctl.core.document import document
from opsctl.core.errors import Unreachable, UsageError
from opsctl.runbook.action import Action, Context, Output


@document
class Query:
    """`expr`: PromQL. `value` of the output is the first sample's, None when there is none or it is NaN."""

    expr: str


class QueryAction(Action[Query]):
    name = "query"
    inputs = Query
    outputs = ("value", "count", "samples", "expr")

    def run(self, context: Context, inputs: Query) -> Output:
        samples = instant(context.metrics_url, inputs.expr, context.now)
        value = samples[0]["value"] if samples else None
        return {"value": value, "count": len(samples), "samples": samples[:20], "expr": inputs.expr}


def instant(url: str, expr: str, at: float) -> list[dict[str, Any]]:
    """The samples of an instant query. Raises Unreachable, or UsageError when the expression is refused."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(f"{url}/api/v1/query", data={"query": expr, "time": f"{at:.3f}"}, timeout=10)
        body = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise Unreachable(f"the metrics process at {url} does not answer", "opsctl status") from error
    if body.get("status") != "success":
        raise UsageError(f"{body.get('error', 'the query was refused')}", f"in: {expr}")
    found = body["data"]["result"]
    if body["data"]["resultType"] in ("scalar", "string"):
        return [{"labels": {}, "value": _number(found[1])}]
    return [{"labels": s["metric"], "value": _number(s["value"][1])} for s in found]


def _number(text: str) -> float | None:
    value = float(text)
    return None if math.isnan(value) or math.isinf(value) else value
