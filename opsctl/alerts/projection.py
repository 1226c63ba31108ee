"""alertmanager.yml as it is shown: secrets hidden, and our receivers as comments, so that Alertmanager's tools read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

import yaml

from opsctl.alerts.document import ReceiverOf
from opsctl.alerts.setting import HIDDEN
from opsctl.core.document import Source, parse
from opsctl.core.errors import DocumentError

_STANDARD = ("webhook_configs", "email_configs", "wechat_configs")
OURS = tuple(f.name for f in fields(ReceiverOf) if f.name.endswith("_configs") and f.name not in _STANDARD)
_SECRET = re.compile(
    r"(?:^|_)(?:secrets?|tokens?|passwords?|keys?|credentials)$|_token_id$|_webhook_url$|^hook_id$|^slack_api_url$"
)
_CALLED = ("webhook_configs", "heartbeat_configs")  # who has their URL may send in our name
OURS_AT_THE_ROOT = ("flapping",)


def standard(source: Source, text: str) -> str:
    """The text with our keys commented out; where its layout does not allow that, written anew without them."""
    text = _hidden(source, text)
    source = parse(text, source.file)
    lines = text.split("\n")
    for key, value in _our_entries(source):
        first, last = key.start_mark, _last_line(value)
        if not lines[first.line].strip().startswith(key.value):
            return _anew(source)
        for number in range(first.line, last + 1):
            lines[number] = f"{' ' * first.column}# {lines[number][first.column :]}"
    made = "\n".join(lines)
    return made if _is_standard(made) else _anew(source)


def _hidden(source: Source, text: str) -> str:
    """The text with `<secret>` for each secret of `global` and `receivers`."""
    spans = {(n.start_mark.index, n.end_mark.index): n for n in _secrets(source.node)}
    for (start, end), node in sorted(spans.items(), reverse=True):
        tail = "\n" if node.style in ("|", ">") else ""
        text = f"{text[:start]}{_shown(str(node.value))}{tail}{text[end:]}"
    return text


def _shown(secret: str) -> str:
    """What stands for a secret. A URL keeps its host: Alertmanager's older tools take nothing else for one."""
    parts = urlsplit(secret)
    whole = parts.scheme in ("http", "https") and parts.hostname and "{{" not in secret
    host = parts.netloc.rpartition("@")[2]
    return f'"{parts.scheme}://{host}/{HIDDEN}"' if whole else HIDDEN


def _secrets(root: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    for key, value in _entries(root):
        if key.value in ("global", "receivers"):
            yield from _below(value, False, "")


def _below(node: yaml.Node, secret: bool, kind: str) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        if secret and node.value:
            yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _below(item, secret, kind)
    else:
        for key, value in _entries(node):
            name = str(key.value)
            mine = name if name.endswith("_configs") else kind
            yield from _below(value, secret or bool(_SECRET.search(name)) or (name == "url" and kind in _CALLED), mine)


def _entries(node: yaml.Node | None) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _our_entries(source: Source) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    lists = [v for k, v in _entries(source.node) if k.value == "receivers" and isinstance(v, yaml.SequenceNode)]
    ours = [(k, v) for k, v in _entries(source.node) if k.value in OURS_AT_THE_ROOT]
    return [*ours, *((k, v) for each in lists for r in each.value for k, v in _entries(r) if k.value in OURS)]


def _last_line(node: yaml.Node) -> int:
    """The last line that belongs to a node; a block's own end mark is where the next one starts."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _last_line(node.value[-1])
    return int(node.end_mark.line)


def _is_standard(text: str) -> bool:
    try:
        again = parse(text, "")
    except DocumentError:
        return False
    return not _our_entries(again)


def _anew(source: Source) -> str:
    data: dict[str, Any] = {k: v for k, v in source.data.items() if k not in OURS_AT_THE_ROOT}
    receivers = [{k: v for k, v in r.items() if k not in OURS} for r in data["receivers"]]
    return yaml.safe_dump({**data, "receivers": receivers}, sort_keys=False, allow_unicode=True)
