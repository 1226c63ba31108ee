"""alertmanager.yml as Alertmanager's own tools can read it: our receivers become comments under their receiver."""

from __future__ import annotations

import re
from typing import Any

import yaml

from opsctl.core.document import Source, parse
from opsctl.core.errors import DocumentError

_SECRET = re.compile(
    r"""(\b(?:access_token|(?:corp_|access_key_)?secret|key|hook_id|callback_token|callback_aes_key):\s*)("[^"]*"|'[^']*'|[^\s,}]+)"""
)
OURS = (
    "dingtalk_configs", "wecom_configs", "wecom_app_configs", "feishu_configs", "aliyun_sms_configs",
    "heartbeat_configs",
)  # fmt: skip
OURS_AT_THE_ROOT = ("flapping",)


def standard(source: Source, text: str) -> str:
    """The text with our keys commented out; where its layout does not allow that, written anew without them."""
    lines = text.split("\n")
    for key, value in _our_entries(source):
        first, last = key.start_mark, _last_line(value)
        if not lines[first.line].strip().startswith(key.value):
            return _anew(source)
        for number in range(first.line, last + 1):
            shown = _SECRET.sub(r"\1<secret>", lines[number][first.column :])
            lines[number] = f"{' ' * first.column}# {shown}"
    made = "\n".join(lines)
    return made if _is_standard(made) else _anew(source)


def _our_entries(source: Source) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    root = source.node
    if not isinstance(root, yaml.MappingNode):
        return []
    lists = [v for k, v in root.value if k.value == "receivers" and isinstance(v, yaml.SequenceNode)]
    receivers = [r for each in lists for r in each.value if isinstance(r, yaml.MappingNode)]
    ours = [(k, v) for k, v in root.value if k.value in OURS_AT_THE_ROOT]
    return [*ours, *((k, v) for r in receivers for k, v in r.value if k.value in OURS)]


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
