"""Both homes cut text into the same words: our expression against Elasticsearch's own standard analyzer."""

from __future__ import annotations

import random

import pytest
from elasticsearch import Elasticsearch

from opsctl.logs.tantivy_query import ANALYZER

TEXTS = (
    "支付失败：网关超时 (code=502)", "GET /api/v1/orders/42?x=1&y=2 HTTP/1.1", "can't won’t O'Neill", "a.b.c 1.2.3 v1.2 a.1 1.a",
    "127.0.0.1:8400", "http://127.0.0.1:8400/x", "user@example.com", "snake_case_name __init__ a_ _b", "10:30:05 a:b 5:c",
    "1,000.50 1;2 a,b a;b", "550e8400-e29b-41d4-a716-446655440000", "iPhone15手机 壳A4纸", "２０２６年１１月 ＡＢＣ", "email:a_b.c-d",
    "x=y z==w", "C++ c# .NET", "ÄÖÜ straße café naïve", "сервер упал", "price ￥12.50 $3", "trace\u00a0id\ttab\r\n", "a..b a.'b a._b",
    "orders.created orders.created.", "2026-11-22T12:00:00.123Z", "３．１４", "第3次 no1个",
)  # fmt: skip


def _theirs(client: Elasticsearch, text: str) -> list[str]:
    return [t["token"] for t in client.indices.analyze(analyzer="standard", text=text)["tokens"]]


def test_the_words_of_log_lines(elasticsearch_url: str) -> None:
    client = Elasticsearch(elasticsearch_url)
    theirs = {text: _theirs(client, text) for text in TEXTS}
    assert {text: ANALYZER.analyze(text) for text in TEXTS} == theirs


@pytest.mark.campaign
def test_the_words_of_random_text(elasticsearch_url: str, rounds: int, seed: int) -> None:
    """Letters, digits, Chinese and the punctuation of logs in every order."""
    client = Elasticsearch(elasticsearch_url)
    source = random.Random(seed)
    for _ in range(rounds * 20):
        text = "".join(source.choice("ab1 9支付._:,;'-/=@é\"()") for _ in range(60))
        assert ANALYZER.analyze(text) == _theirs(client, text), text
