"""The tables of payments. One row an attempt to pay; events and wallet entries are only ever appended."""

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
    Column("client", Text),
    Column("superseded_at", Id),
    Column("reserved_fen", Id, nullable=False, server_default="0"),
    Column("refunded_fen", Id, nullable=False, server_default="0"),
    Column("refunds", Integer, nullable=False, server_default="0"),
    UniqueConstraint("order_id", "attempt", name="uq_payments_payment_order_attempt"),
    Index("ix_payments_payment_created_at", "created_at"),
    Index("ix_payments_payment_check_at", "check_at"),
    **MYSQL,
)
"""`order_id` below 0: the top-up of a wallet with that id (of payments_top_up), negated.
status: created → prepaid → succeeded → refunded; created → failed; prepaid → closed.
`check_at`: when the channel is next asked, NULL when nothing is open. `client`: JSON for the customer's program.
`superseded_at`: another attempt won. `reserved_fen`: asked back; `refunded_fen`: gone back, never more than reserved.
`refund_status`: of the newest refund."""

bill = Table(
    "payments_bill",
    metadata,
    Column("order_id", Id, primary_key=True, autoincrement=False),
    Column("payment_id", Id, nullable=False),
    Column("won_at", Id, nullable=False),
    **MYSQL,
)
"""Which attempt paid an order: the first success makes the row, all others go back."""

refund = Table(
    "payments_refund",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("payment_id", Id, nullable=False),
    Column("out_refund_no", String(64), nullable=False, unique=True),
    Column("asked_by", String(80), nullable=False, unique=True),
    Column("amount_fen", Id, nullable=False),
    Column("target", String(16), nullable=False),
    Column("reason", String(80), nullable=False),
    Column("status", String(16), nullable=False),
    Column("failure", String(64)),
    Column("created_at", Id, nullable=False),
    Column("done_at", Id),
    Column("checks", Integer, nullable=False, server_default="0"),
    Column("check_at", Id),
    Index("ix_payments_refund_payment", "payment_id", "id"),
    Index("ix_payments_refund_check_at", "check_at"),
    **MYSQL,
)
"""status: wanted → sent → done, or refused. target: channel | wallet. `asked_by` makes asking again harmless."""

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

wallet = Table(
    "payments_wallet",
    metadata,
    Column("user_id", Id, primary_key=True, autoincrement=False),
    Column("balance_fen", Id, nullable=False),
    Column("frozen_fen", Id, nullable=False),
    Column("version", Id, nullable=False),
    **MYSQL,
)
"""The sums of a person's entries; `balance_fen` can be spent, `frozen_fen` can not; neither is ever negative."""

entry = Table(
    "payments_entry",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("user_id", Id, nullable=False),
    Column("version", Id, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("amount_fen", Id, nullable=False),
    Column("frozen_fen", Id, nullable=False),
    Column("event_id", String(80), nullable=False, unique=True),
    Column("about", String(80), nullable=False),
    Column("at", Id, nullable=False),
    UniqueConstraint("user_id", "version", name="uq_payments_entry_user_version"),
    **MYSQL,
)
"""A change of a wallet: what it adds to the balance and to what is frozen; the wallet's version after it."""

top_up = Table(
    "payments_top_up",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("user_id", Id, nullable=False),
    Column("amount_fen", Id, nullable=False),
    Column("idempotency_key", String(80), nullable=False),
    Column("created_at", Id, nullable=False),
    UniqueConstraint("user_id", "idempotency_key", name="uq_payments_top_up_user_key"),
    **MYSQL,
)

outbox = outbox_table("payments")
