"""The query tree as Elasticsearch's query DSL."""

from __future__ import annotations

from typing import Any as Json

from opsctl.logs.query import KEYWORDS, TIME, All, Any, Between, Everything, Has, Match, No, Query

WORDS = "opsctl.words"
_EXPANSIONS = 1000


def compile_query(query: Query, since: int, until: int) -> dict[str, Json]:
    """The tree as a filter over lines with since ≤ @timestamp < until (epoch milliseconds)."""
    window = {"range": {TIME: {"gte": since, "lt": until, "format": "epoch_millis"}}}
    return {"bool": {"filter": [window, _compile(query)]}}


def _compile(query: Query) -> dict[str, Json]:
    if isinstance(query, Everything):
        return {"match_all": {}}
    if isinstance(query, All):
        return {"bool": {"filter": [_compile(p) for p in query.parts]}}
    if isinstance(query, Any):
        return {"bool": {"should": [_compile(p) for p in query.parts], "minimum_should_match": 1}}
    if isinstance(query, No):
        return {"bool": {"must_not": [_compile(query.part)]}}
    if isinstance(query, Has):
        return {"exists": {"field": query.field}}
    if isinstance(query, Between):
        return _between(query)
    return _match(query)


def _match(query: Match) -> dict[str, Json]:
    if query.field in KEYWORDS:
        kind = "prefix" if query.prefix else "term"
        return {kind: {query.field: {"value": query.text}}}
    fields = [query.field] if query.field else ["message", WORDS]
    found: dict[str, Json] = {"query": query.text, "fields": fields, "type": "phrase", "lenient": True}
    if query.prefix:
        found |= {"type": "phrase_prefix", "max_expansions": _EXPANSIONS}
    return {"multi_match": found}


def _between(query: Between) -> dict[str, Json]:
    if query.field in (*KEYWORDS, "message"):
        return {"match_none": {}}
    scale = 1000 if query.field == TIME else 1
    low, high = ("gte" if query.with_low else "gt", query.low), ("lte" if query.with_high else "lt", query.high)
    bounds: dict[str, Json] = {
        sign: round(bound * scale) if query.field == TIME else bound for sign, bound in (low, high) if bound is not None
    }
    if not bounds:
        return {"exists": {"field": query.field}}
    return {"range": {query.field: bounds | ({"format": "epoch_millis"} if query.field == TIME else {})}}
