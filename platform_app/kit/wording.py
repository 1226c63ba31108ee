"""What is wrong with a field, as a customer reads it: pydantic's error kinds in zh-CN. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WORDS = {
    "missing": "必填",
    "string_type": "应为文本",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "最多 {max_length} 个字符",
    "string_pattern_mismatch": "格式不正确",
    "string_unicode": "含有无法识别的字符",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "int_parsing_size": "数字过大",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "finite_number": "应为有限的数字",
    "bool_type": "应为是或否",
    "bool_parsing": "应为是或否",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "不能小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "不能大于 {le}",
    "too_long": "最多 {max_length} 项",
    "too_short": "至少 {min_length} 项",
    "literal_error": "不在可选范围内",
    "enum": "不在可选范围内",
    "list_type": "应为列表",
    "dict_type": "应为对象",
    "model_attributes_type": "应为对象",
    "extra_forbidden": "不支持的字段",
    "json_invalid": "不是有效的 JSON",
}


def worded(error: Mapping[str, Any]) -> str:
    """The message of one of pydantic's errors; a message that is Chinese already stays."""
    words = _WORDS.get(str(error["type"]))
    if words is not None:
        return words.format_map(_Known(error.get("ctx") or {}))
    message = str(error["msg"])
    return "格式不正确" if message.isascii() else message


class _Known(dict[str, Any]):
    """The numbers of an error; one that is missing reads as nothing."""

    def __missing__(self, key: str) -> str:
        return ""
