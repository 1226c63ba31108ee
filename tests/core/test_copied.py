"""A copy by hand is what dataclasses.replace makes."""

from __future__ import annotations

from dataclasses import replace

from opsctl.alerts.batch import Batch
from opsctl.alerts.delivery import SENT, Delivery
from opsctl.core.copied import copied
from opsctl.model.labels import Labels


def test_as_replace() -> None:
    batch = Batch(receiver="r", group_key="g", group_labels=Labels({"a": "b"}), alerts=(), now=1.0)
    made = Delivery(id=1, created_at=2.0, channel="c", integration="r/webhook/0", batch=batch, cause="first")
    assert copied(made, status=SENT, sent_at=3.0) == replace(made, status=SENT, sent_at=3.0)
    assert (made.status, made.sent_at) == ("pending", None)
    assert made.on("c") is made
    assert made.on("d") == replace(made, channel="d")
