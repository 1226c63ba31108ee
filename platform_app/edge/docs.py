"""The page at `/docs`: the merged API document as plain HTML. Pure, no script, no CDN."""

from __future__ import annotations

from html import escape
from typing import Any

import orjson

from platform_app.edge.openapi import METHODS
from platform_app.edge.style import page


def docs(document: dict[str, Any], base: str) -> str:
    """All operations by tag, each with its parameters, its body and a curl line to try."""
    header = (
        "<h1>接口文档 <small>API</small></h1><p>所有服务的合并文档 · One document of all services</p>"
        '<nav><a href="/">首页 Home</a><a href="/openapi.json">openapi.json</a></nav>'
    )
    groups: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["other"])[0]
                groups.setdefault(tag, []).append(_operation(path, method, item[method], document, base))
    missing = document.get("x-missing", [])
    note = f'<div class="gone">未响应的服务 / not answering: {escape(", ".join(missing))}</div>' if missing else ""
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(operations)}" for tag, operations in sorted(groups.items()))
    return page("安心家政 API", header, note + body + "<footer>错误一律为 problem+json (RFC 9457)。</footer>")


def _operation(path: str, method: str, operation: dict[str, Any], document: dict[str, Any], base: str) -> str:
    lock = " <small>[登录 login]</small>" if operation.get("security") else ""
    summary = escape(operation.get("summary") or "")
    body = _body_schema(operation)
    parts = [_parameters(operation.get("parameters", []))]
    if body:
        example = _example(body, document)
        parts.append(f"<p>请求体 Body</p><pre>{escape(_json(example))}</pre>")
    parts.append(f"<pre>{escape(_curl(path, method, operation, body, document, base))}</pre>")
    head = f'<span class="verb {method}">{method.upper()}</span><code>{escape(path)}</code>{lock} {summary}'
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code>{' *' if p.get('required') else ''}</td><td>{escape(p['in'])}</td>"
        f"<td>{escape(_type(p.get('schema', {})))}</td></tr>"
        for p in parameters
    )
    return f"<table><tr><th>参数</th><th>位置</th><th>类型</th></tr>{rows}</table>"


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(v) for v in schema["enum"])
    return str(schema.get("type", "any")) + (
        f" = {schema['default']}" if schema.get("default") not in (None, "") else ""
    )


def _body_schema(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    found: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    return found


def _example(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """A body of the right shape: examples where the service gives some, else descriptions for strings, zeros for numbers."""
    schema = _resolved(schema, document)
    if schema.get("examples"):
        return schema["examples"][0]
    if "properties" in schema:
        return {name: _example(part, document) for name, part in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_example(schema.get("items", {}), document)]
    if schema.get("type") in ("integer", "number"):
        return 0
    return schema.get("description") or schema.get("type") or "…"


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    for option in schema.get("anyOf", ()):
        if option.get("type") != "null":
            return _resolved(option, document)
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return found
    return schema


def _curl(
    path: str, method: str, operation: dict[str, Any], body: dict[str, Any], document: dict[str, Any], base: str
) -> str:
    parts = ["curl"] + ([] if method == "get" else ["-X", method.upper()])
    if operation.get("security"):
        parts.append("-H 'Authorization: Bearer '$TOKEN")
    if body:
        parts.append("--json '" + orjson.dumps(_example(body, document)).decode() + "'")
    return " ".join([*parts, f"'{base}{path}'"])


def _json(content: Any) -> str:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
