"""Pydantic's errors in the customer's language."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from platform_app.kit.wording import worded


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=2, max_length=4, pattern="^[a-z]+$")] = "ab"
    age: Annotated[int, Field(ge=1, le=9)] = 1
    share: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.5
    kind: Literal["a", "b"] = "a"
    many: Annotated[list[bool], Field(max_length=1)] = []


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "a", "至少 2 个字符"),
        ("name", "abcde", "最多 4 个字符"),
        ("name", "AB", "格式不正确"),
        ("name", 5, "应为文本"),
        ("age", 0, "不能小于 1"),
        ("age", 10, "不能大于 9"),
        ("age", "x", "应为整数"),
        ("age", 1.5, "应为整数"),
        ("share", 0, "应大于 0.0"),
        ("share", 1, "应小于 1.0"),
        ("share", float("nan"), "应为有限的数字"),
        ("kind", "c", "不在可选范围内"),
        ("many", [True, True], "最多 1 项"),
        ("many", ["x"], "应为是或否"),
        ("other", 1, "不支持的字段"),
    ],
)
def test_words(field: str, value: object, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Form.model_validate({field: value})
    assert [worded(e) for e in refused.value.errors()] == [words]


def test_what_is_not_known_is_still_chinese() -> None:
    assert worded({"type": "new_kind", "msg": "Something new"}) == "格式不正确"
    assert worded({"type": "phone", "msg": "请输入 11 位手机号"}) == "请输入 11 位手机号"
    assert worded({"type": "string_too_long", "msg": "x"}) == "最多  个字符"
