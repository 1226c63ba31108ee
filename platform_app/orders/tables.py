"""The tables of orders. A slot is half an hour of one provider; its primary key makes a double booking impossible."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text, UniqueConstraint

from platform_app.kit.db import MYSQL, Id, metadata
from platform_app.kit.outbox import outbox_table

order = Table(
    "orders_order",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("no", String(24), nullable=False, unique=True),
    Column("user_id", Id, nullable=False),
    Column("provider_id", Id, nullable=False),
    Column("provider_user_id", Id, nullable=False),
    Column("provider_name", String(64), nullable=False),
    Column("service_id", Id, nullable=False),
    Column("service_name", String(64), nullable=False),
    Column("offering_id", Id, nullable=False),
    Column("status", String(16), nullable=False),
    Column("amount_fen", Id, nullable=False),
    Column("district", String(32), nullable=False),
    Column("address", String(200), nullable=False),
    Column("starts_at", Id, nullable=False),
    Column("ends_at", Id, nullable=False),
    Column("hold_until", Id, nullable=False),
    Column("created_at", Id, nullable=False),
    Column("paid_at", Id),
    Column("accepted_at", Id),
    Column("completed_at", Id),
    Column("cancelled_at", Id),
    Column("cancel_reason", String(64)),
    Column("paid_trade_no", String(40)),
    Column("photo", String(120)),
    Column("idempotency_key", String(80)),
    Column("lat_e6", Integer),
    Column("lng_e6", Integer),
    Column("quote", Text),
    UniqueConstraint("user_id", "idempotency_key", name="uq_orders_order_key"),
    Index("ix_orders_order_user", "user_id", "id"),
    Index("ix_orders_order_provider", "provider_id", "id"),
    Index("ix_orders_order_status", "status", "hold_until"),
    Index("ix_orders_order_created_at", "created_at"),
    Index("ix_orders_order_paid_at", "paid_at"),
    Index("ix_orders_order_accepted_at", "accepted_at"),
    Index("ix_orders_order_completed_at", "completed_at"),
    **MYSQL,
)

slot = Table(
    "orders_slot",
    metadata,
    Column("provider_id", Id, primary_key=True, autoincrement=False),
    Column("slot_at", Id, primary_key=True, autoincrement=False),
    Column("order_id", Id, nullable=False, index=True),
    Column("hold_until", Id),
    Column("ends_at", Id),
    Column("lat_e6", Integer),
    Column("lng_e6", Integer),
    **MYSQL,
)
"""`hold_until` is NULL once the order is paid for; `ends_at` is the end of the work, NULL in rows of older programs;
where the work is, in millionths of a degree, NULL when nobody said."""

calendar = Table(
    "orders_calendar",
    metadata,
    Column("provider_id", Id, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("updated_at", Id, nullable=False),
    **MYSQL,
)
"""When a provider works. It lies beside the slots because both must be true in one transaction."""

event = Table(
    "orders_event",
    metadata,
    Column("event_id", String(40), primary_key=True),
    Column("at", Id, nullable=False, index=True),
    **MYSQL,
)
"""Payment events taken already, so that a repeated delivery changes nothing."""

outbox = outbox_table("orders")
