"""Words for bad regular expressions, as Go's regexp/syntax says them of the anchored expression."""

from __future__ import annotations

import pytest

from opsctl.model.matcher import Matcher

SAID = [
    ("(", "missing closing ): `^(?s:()$`"), (")", "unexpected ): `^(?s:))$`"), ("[", "missing closing ]: `[)$`"),
    ("a**", "invalid nested repetition operator: `**`"), ("*a", "missing argument to repetition operator: `*`"),
    (r"\8", r"invalid escape sequence: `\8`"), ("[z-a]", "invalid character class range: `z-a`"),
    ("a{1001}", "invalid repeat count: `{1001}`"), ("a{2,1}", "invalid repeat count: `{2,1}`"),
    ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"), ("[[:x:]]", "invalid character class range: `[:x:]`"),
    ("x{1000}{1000}", "invalid nested repetition operator: `{1000}{1000}`"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "said"), SAID)
def test_what_go_says(pattern: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        Matcher("a", "=~", pattern)
    assert str(caught.value) == f"error parsing regexp: {said}"
