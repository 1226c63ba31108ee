"""Several attempts of which one wins, refunds of their own, wallets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from platform_app.kit.db import MYSQL, Id

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("superseded_at", Id, nullable=True),
        sa.Column("reserved_fen", Id, nullable=False, server_default="0"),
        sa.Column("refunded_fen", Id, nullable=False, server_default="0"),
        sa.Column("refunds", sa.Integer(), nullable=False, server_default="0"),
    ):
        op.add_column("payments_payment", column)
    _tables()
    _wallets()
    _carry_over()


def _tables() -> None:
    op.create_table(
        "payments_bill",
        sa.Column("order_id", Id, autoincrement=False, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("won_at", Id, nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
        **MYSQL,
    )
    op.create_table(
        "payments_refund",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("out_refund_no", sa.String(length=64), nullable=False),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("amount_fen", Id, nullable=False),
        sa.Column("target", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("failure", sa.String(length=64), nullable=True),
        sa.Column("created_at", Id, nullable=False),
        sa.Column("done_at", Id, nullable=True),
        sa.Column("checks", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("check_at", Id, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("out_refund_no"),
        sa.UniqueConstraint("asked_by"),
        **MYSQL,
    )
    op.create_index("ix_payments_refund_payment", "payments_refund", ["payment_id", "id"], unique=False)
    op.create_index("ix_payments_refund_check_at", "payments_refund", ["check_at"], unique=False)


def _wallets() -> None:
    op.create_table(
        "payments_wallet",
        sa.Column("user_id", Id, autoincrement=False, nullable=False),
        sa.Column("balance_fen", Id, nullable=False),
        sa.Column("frozen_fen", Id, nullable=False),
        sa.Column("version", Id, nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
        **MYSQL,
    )
    op.create_table(
        "payments_entry",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("version", Id, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", Id, nullable=False),
        sa.Column("frozen_fen", Id, nullable=False),
        sa.Column("event_id", sa.String(length=80), nullable=False),
        sa.Column("about", sa.String(length=80), nullable=False),
        sa.Column("at", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
        sa.UniqueConstraint("user_id", "version", name="uq_payments_entry_user_version"),
        **MYSQL,
    )
    op.create_table(
        "payments_top_up",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("amount_fen", Id, nullable=False),
        sa.Column("idempotency_key", sa.String(length=80), nullable=False),
        sa.Column("created_at", Id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="uq_payments_top_up_user_key"),
        **MYSQL,
    )


def _carry_over() -> None:
    """What was paid has its winner; what was asked back, whole until now, becomes a refund under way or done."""
    op.execute(
        "INSERT INTO payments_bill(order_id, payment_id, won_at) SELECT order_id, min(id), min(succeeded_at)"
        " FROM payments_payment WHERE status IN ('succeeded', 'refunded') AND succeeded_at IS NOT NULL"
        " GROUP BY order_id"
    )
    number = "concat('R', out_trade_no)" if op.get_bind().dialect.name == "mysql" else "'R' || out_trade_no"
    op.execute(
        "INSERT INTO payments_refund(payment_id, out_refund_no, asked_by, amount_fen, target, reason, status,"
        f" created_at, done_at, checks, check_at) SELECT id, {number}, {number}, amount_fen, 'channel', '',"
        " refund_status, coalesce(refunded_at, succeeded_at, created_at), refunded_at, checks, check_at"
        " FROM payments_payment WHERE refund_status IS NOT NULL"
    )
    op.execute(
        "UPDATE payments_payment SET refunds = 1, check_at = NULL, refunded_fen = CASE refund_status WHEN 'done'"
        " THEN amount_fen ELSE 0 END, reserved_fen = CASE refund_status WHEN 'refused' THEN 0 ELSE amount_fen END"
        " WHERE refund_status IS NOT NULL"
    )


def downgrade() -> None:
    for table in ("payments_top_up", "payments_entry", "payments_wallet", "payments_refund", "payments_bill"):
        op.drop_table(table)
    for column in ("refunds", "refunded_fen", "reserved_fen", "superseded_at", "client"):
        op.drop_column("payments_payment", column)
