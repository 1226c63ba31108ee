"""Random text through Debian's promtool and through us: what it takes we take, what it refuses we refuse."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from opsctl.promql import PromqlError, parse
from tests.promql.test_query import WORDS
from tests.promql.test_reference import Writer
from tests.rules.promtool import needs_promtool, promtool

WORD_LIST = [
    *(word for word in WORDS.elements if word), "up[5m", "offset 5m", "@ 5", "5m1s", "0x1f", "'\\x41'", "[1m:]", "(a,)",
    "group_right(a)", "by (job)", "Inf", "{a='b',}", "{}", "{__name__='x'}", "sum(", "rate(", "on(a,b)", "bool", "%",
]  # fmt: skip
REFUSED = re.compile(r'rule \d+, "r(\d+)": could not parse expression: (.*)')
NEWER = re.compile(r"duration|bad number|grouping opts, expected label|label matching, expected identifier|Item \d+")
"""What version 3 takes or says otherwise: durations as numbers, quoted names, 1_000."""


def spoilt(source: random.Random) -> str:
    """A sound expression with a token lost, doubled or replaced; or words in any order."""
    if source.random() < 0.4:
        return " ".join(source.choice(WORD_LIST) for _ in range(source.randrange(1, 8)))
    parts = re.findall(r"\w+|\s+|.", Writer(source).vector(2))
    place, change = source.randrange(len(parts)), source.random()
    if change < 0.4:
        parts[place] = ""
    elif change < 0.8:
        parts[place] = source.choice([source.choice(WORD_LIST), parts[place] * 2])
    return "".join(parts)


@needs_promtool
@pytest.mark.campaign
def test_promtool_and_we_take_and_refuse_the_same(rounds: int, seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    texts = [text for text in (spoilt(source) for _ in range(rounds * 200)) if text.strip()]
    rules = [{"record": f"r{index}", "expr": text} for index, text in enumerate(texts)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    told = promtool("check", "rules", "rules.yml", cwd=tmp_path)
    refused = {int(index): reason for index, reason in REFUSED.findall(told.stdout + told.stderr)}
    assert refused
    wrong = []
    for index, text in enumerate(texts):
        theirs, ours = refused.get(index, ""), _ours(text)
        if bool(theirs) != bool(ours) and not NEWER.search(theirs):
            wrong.append(f"{text!r}: {theirs or 'taken'} / {ours or 'taken'}")
    assert not wrong, "\n".join(wrong)


def _ours(text: str) -> str:
    try:
        parse(text)
    except PromqlError as error:
        return error.message
    return ""
