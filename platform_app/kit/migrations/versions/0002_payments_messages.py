"""Payments, messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from platform_app.kit.db import MYSQL, Id
from platform_app.kit.outbox import outbox_columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _payments()
    _messages()


def _payments() -> None:
    op.create_table(
        "payments_payment",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("out_trade_no", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("gateway", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", Id, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("code_url", sa.String(length=200), nullable=True),
        sa.Column("transaction_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", Id, nullable=False),
        sa.Column("expires_at", Id, nullable=False),
        sa.Column("succeeded_at", Id, nullable=True),
        sa.Column("failed_at", Id, nullable=True),
        sa.Column("failure", sa.String(length=64), nullable=True),
        sa.Column("refund_status", sa.String(length=16), nullable=True),
        sa.Column("refunded_at", Id, nullable=True),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("check_at", Id, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("out_trade_no"),
        sa.UniqueConstraint("order_id", "attempt", name="uq_payments_payment_order_attempt"),
        **MYSQL,
    )
    op.create_index("ix_payments_payment_created_at", "payments_payment", ["created_at"], unique=False)
    op.create_index("ix_payments_payment_check_at", "payments_payment", ["check_at"], unique=False)
    op.create_table(
        "payments_event",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("at", Id, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
        **MYSQL,
    )
    op.create_index("ix_payments_event_payment", "payments_event", ["payment_id", "id"], unique=False)
    op.create_table("payments_outbox", *outbox_columns(), **MYSQL)


def _messages() -> None:
    op.create_table(
        "messages_message",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", Id, nullable=False),
        sa.Column("read_at", Id, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id", "user_id", name="uq_messages_message_event_user"),
        **MYSQL,
    )
    op.create_index("ix_messages_message_user", "messages_message", ["user_id", "id"], unique=False)
    op.create_index("ix_messages_message_created_at", "messages_message", ["created_at"], unique=False)
