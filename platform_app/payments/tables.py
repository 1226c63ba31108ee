"""The tables of payments. One row an attempt to pay an order; events are only ever appended."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text, UniqueConstraint

from platform_app.kit.db import MYSQL, Id, metadata
from platform_app.kit.outbox import outbox_table

payment = Table(
    "payments_payment",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("order_id", Id, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("user_id", Id, nullable=False),
    Column("out_trade_no", String(32), nullable=False, unique=True),
    Column("channel", String(32), nullable=False),
    Column("gateway", String(16), nullable=False),
    Column("amount_fen", Id, nullable=False),
    Column("status", String(16), nullable=False),
    Column("code_url", String(200)),
    Column("transaction_id", String(64)),
    Column("created_at", Id, nullable=False),
    Column("expires_at", Id, nullable=False),
    Column("succeeded_at", Id),
    Column("failed_at", Id),
    Column("failure", String(64)),
    Column("refund_status", String(16)),
    Column("refunded_at", Id),
    Column("checks", Integer, nullable=False, default=0),
    Column("check_at", Id),
    UniqueConstraint("order_id", "attempt", name="uq_payments_payment_order_attempt"),
    Index("ix_payments_payment_created_at", "created_at"),
    Index("ix_payments_payment_check_at", "check_at"),
    **MYSQL,
)
"""status: created → prepaid → succeeded → refunded; created → failed; prepaid → closed.
refund_status: wanted → sent → done, or refused. `check_at`: when the channel is next asked, NULL when nothing is open."""

event = Table(
    "payments_event",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("payment_id", Id, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("event_id", String(80), nullable=False, unique=True),
    Column("at", Id, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_payments_event_payment", "payment_id", "id"),
    **MYSQL,
)

outbox = outbox_table("payments")
