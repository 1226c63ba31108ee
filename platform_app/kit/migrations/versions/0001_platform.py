"""Users, providers, catalog, orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from platform_app.kit.db import MYSQL, Id
from platform_app.kit.outbox import outbox_columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _users()
    _providers()
    _catalog()
    _orders()


def _users() -> None:
    op.create_table(
        "users_activity",
        sa.Column("user_id", Id, autoincrement=False, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("at", Id, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "day"),
        **MYSQL,
    )
    op.create_index("ix_users_activity_at", "users_activity", ["at"], unique=False)
    op.create_index("ix_users_activity_day", "users_activity", ["day"], unique=False)
    op.create_table(
        "users_code",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", Id, nullable=False),
        sa.Column("expires_at", Id, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("used_at", Id, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        **MYSQL,
    )
    op.create_index("ix_users_code_expires_at", "users_code", ["expires_at"], unique=False)
    op.create_index("ix_users_code_phone", "users_code", ["phone", "created_at"], unique=False)
    op.create_table("users_outbox", *outbox_columns(), **MYSQL)
    op.create_table(
        "users_user",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("phone"),
        **MYSQL,
    )


def _providers() -> None:
    op.create_table(
        "providers_event",
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("at", Id, nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        **MYSQL,
    )
    op.create_index("ix_providers_event_at", "providers_event", ["at"], unique=False)
    op.create_table(
        "providers_provider",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("district", sa.String(length=32), nullable=False),
        sa.Column("intro", sa.String(length=300), nullable=False),
        sa.Column("years", sa.Integer(), nullable=False),
        sa.Column("rating_x100", sa.Integer(), nullable=False),
        sa.Column("orders_done", sa.Integer(), nullable=False),
        sa.Column("created_at", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id"),
        **MYSQL,
    )
    op.create_index("ix_providers_provider_district", "providers_provider", ["district", "rating_x100"], unique=False)


def _catalog() -> None:
    op.create_table(
        "catalog_category",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("intro", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        **MYSQL,
    )
    op.create_table(
        "catalog_offering",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("service_id", Id, nullable=False),
        sa.Column("category_id", Id, nullable=False),
        sa.Column("provider_id", Id, nullable=False),
        sa.Column("provider_user_id", Id, nullable=False),
        sa.Column("provider_name", sa.String(length=64), nullable=False),
        sa.Column("price_fen", Id, nullable=False),
        sa.Column("district", sa.String(length=32), nullable=False),
        sa.Column("rating_x100", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        **MYSQL,
    )
    op.create_index("ix_catalog_offering_category", "catalog_offering", ["category_id", "district"], unique=False)
    op.create_index("ix_catalog_offering_price", "catalog_offering", ["active", "price_fen", "id"], unique=False)
    op.create_index("ix_catalog_offering_provider", "catalog_offering", ["provider_id"], unique=False)
    op.create_index("ix_catalog_offering_rating", "catalog_offering", ["active", "rating_x100", "id"], unique=False)
    op.create_index("ix_catalog_offering_service", "catalog_offering", ["service_id"], unique=False)
    op.create_table(
        "catalog_service",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("category_id", Id, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("intro", sa.String(length=300), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        **MYSQL,
    )
    op.create_index("ix_catalog_service_category_id", "catalog_service", ["category_id"], unique=False)


def _orders() -> None:
    op.create_table(
        "orders_event",
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("at", Id, nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        **MYSQL,
    )
    op.create_index("ix_orders_event_at", "orders_event", ["at"], unique=False)
    op.create_table(
        "orders_order",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("no", sa.String(length=24), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("provider_id", Id, nullable=False),
        sa.Column("provider_user_id", Id, nullable=False),
        sa.Column("provider_name", sa.String(length=64), nullable=False),
        sa.Column("service_id", Id, nullable=False),
        sa.Column("service_name", sa.String(length=64), nullable=False),
        sa.Column("offering_id", Id, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", Id, nullable=False),
        sa.Column("district", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("starts_at", Id, nullable=False),
        sa.Column("ends_at", Id, nullable=False),
        sa.Column("hold_until", Id, nullable=False),
        sa.Column("created_at", Id, nullable=False),
        sa.Column("paid_at", Id, nullable=True),
        sa.Column("accepted_at", Id, nullable=True),
        sa.Column("completed_at", Id, nullable=True),
        sa.Column("cancelled_at", Id, nullable=True),
        sa.Column("cancel_reason", sa.String(length=64), nullable=True),
        sa.Column("paid_trade_no", sa.String(length=40), nullable=True),
        sa.Column("photo", sa.String(length=120), nullable=True),
        sa.Column("idempotency_key", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("no"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="uq_orders_order_key"),
        **MYSQL,
    )
    op.create_index("ix_orders_order_accepted_at", "orders_order", ["accepted_at"], unique=False)
    op.create_index("ix_orders_order_completed_at", "orders_order", ["completed_at"], unique=False)
    op.create_index("ix_orders_order_created_at", "orders_order", ["created_at"], unique=False)
    op.create_index("ix_orders_order_paid_at", "orders_order", ["paid_at"], unique=False)
    op.create_index("ix_orders_order_provider", "orders_order", ["provider_id", "id"], unique=False)
    op.create_index("ix_orders_order_status", "orders_order", ["status", "hold_until"], unique=False)
    op.create_index("ix_orders_order_user", "orders_order", ["user_id", "id"], unique=False)
    op.create_table("orders_outbox", *outbox_columns(), **MYSQL)
    op.create_table(
        "orders_slot",
        sa.Column("provider_id", Id, autoincrement=False, nullable=False),
        sa.Column("slot_at", Id, autoincrement=False, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("hold_until", Id, nullable=True),
        sa.PrimaryKeyConstraint("provider_id", "slot_at"),
        **MYSQL,
    )
    op.create_index("ix_orders_slot_order_id", "orders_slot", ["order_id"], unique=False)


def downgrade() -> None:
    for table in (
        "catalog_category",
        "catalog_offering",
        "catalog_service",
        "orders_event",
        "orders_order",
        "orders_outbox",
        "orders_slot",
        "providers_event",
        "providers_provider",
        "users_activity",
        "users_code",
        "users_outbox",
        "users_user",
    ):
        op.drop_table(table)
