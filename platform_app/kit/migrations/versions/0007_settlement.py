"""Settlement: the ledger, providers' money, reconciliation. Journals and entries refuse UPDATE and DELETE.

On a MariaDB with binary logs, triggers need SUPER or `log_bin_trust_function_creators=1`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from platform_app.kit.db import MYSQL, Id

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

APPENDED = ("settlement_journal", "settlement_entry")


def upgrade() -> None:
    _account()
    _journal()
    _entry()
    _event()
    _book()
    _movement()
    _withdrawal()
    _run()
    _difference()
    for table in APPENDED:
        for verb in ("UPDATE", "DELETE"):
            op.execute(_refusal(table, verb))


def _refusal(table: str, verb: str) -> str:
    name = f"tr_{table}_{verb.lower()}"
    text = f"{table} is append-only"
    if op.get_bind().dialect.name == "sqlite":
        return f"CREATE TRIGGER {name} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{text}'); END"
    signal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{text}'"
    return f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW {signal}"


def _account() -> None:
    op.create_table(
        "settlement_account",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("side", sa.Integer(), nullable=False),
        sa.Column("guarded", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("balance_fen", Id, nullable=False),
        sa.Column("entries", Id, nullable=False),
        sa.UniqueConstraint("kind", "owner", name="uq_settlement_account"),
        sa.CheckConstraint("guarded = 0 OR balance_fen >= 0", name="ck_settlement_account_floor"),
        **MYSQL,
    )


def _journal() -> None:
    op.create_table(
        "settlement_journal",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(80), nullable=False, unique=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("debit_fen", Id, nullable=False),
        sa.Column("credit_fen", Id, nullable=False),
        sa.Column("at", Id, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.CheckConstraint("debit_fen = credit_fen AND debit_fen > 0", name="ck_settlement_journal_balanced"),
        **MYSQL,
    )
    op.create_index("ix_settlement_journal_subject", "settlement_journal", ["subject", "id"], unique=False)


def _entry() -> None:
    op.create_table(
        "settlement_entry",
        sa.Column("account_id", Id, primary_key=True, autoincrement=False),
        sa.Column("seq", Id, primary_key=True, autoincrement=False),
        sa.Column("journal_id", Id, nullable=False),
        sa.Column("amount_fen", Id, nullable=False),
        sa.Column("balance_fen", Id, nullable=False),
        sa.Column("at", Id, nullable=False),
        sa.CheckConstraint("amount_fen <> 0", name="ck_settlement_entry_amount"),
        **MYSQL,
    )
    op.create_index("ix_settlement_entry_journal_id", "settlement_entry", ["journal_id"], unique=False)


def _event() -> None:
    op.create_table(
        "settlement_event",
        sa.Column("event_id", sa.String(80), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("taken_at", Id, nullable=False),
        **MYSQL,
    )
    op.create_index("ix_settlement_event_order", "settlement_event", ["order_id", "state"], unique=False)
    op.create_index("ix_settlement_event_state", "settlement_event", ["state", "taken_at"], unique=False)


def _book() -> None:
    op.create_table(
        "settlement_book",
        sa.Column("order_id", Id, primary_key=True, autoincrement=False),
        sa.Column("provider_id", Id, nullable=False),
        sa.Column("held_fen", Id, nullable=False),
        sa.Column("early_fen", Id, nullable=False),
        sa.Column("earned_fen", Id, nullable=False),
        sa.Column("coupon_fen", Id, nullable=False),
        sa.Column("commission_fen", Id, nullable=False),
        sa.Column("net_fen", Id, nullable=False),
        sa.Column("frozen_fen", Id, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("available_at", Id),
        **MYSQL,
    )
    op.create_index("ix_settlement_book_state", "settlement_book", ["state", "available_at"], unique=False)


def _movement() -> None:
    op.create_table(
        "settlement_movement",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(8), nullable=False),
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("trade_no", sa.String(64), nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("amount_fen", Id, nullable=False),
        sa.Column("at", Id, nullable=False),
        sa.Column("billed_day", sa.String(10)),
        sa.UniqueConstraint("subject", "ref", name="uq_settlement_movement_ref"),
        **MYSQL,
    )
    op.create_index("ix_settlement_movement_at", "settlement_movement", ["at"], unique=False)
    op.create_index("ix_settlement_movement_order_id", "settlement_movement", ["order_id"], unique=False)


def _withdrawal() -> None:
    op.create_table(
        "settlement_withdrawal",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("no", sa.String(32), nullable=False, unique=True),
        sa.Column("provider_id", Id, nullable=False),
        sa.Column("amount_fen", Id, nullable=False),
        sa.Column("openid", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(80), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("requested_at", Id, nullable=False),
        sa.Column("decided_by", Id),
        sa.Column("decided_at", Id),
        sa.Column("done_at", Id),
        sa.Column("failure", sa.String(200)),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("check_at", Id),
        sa.UniqueConstraint("provider_id", "idempotency_key", name="uq_settlement_withdrawal_key"),
        **MYSQL,
    )
    op.create_index("ix_settlement_withdrawal_provider", "settlement_withdrawal", ["provider_id", "id"], unique=False)
    op.create_index("ix_settlement_withdrawal_check", "settlement_withdrawal", ["check_at"], unique=False)


def _run() -> None:
    op.create_table(
        "settlement_run",
        sa.Column("channel", sa.String(32), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("at", Id, nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("lines", Id, nullable=False),
        sa.Column("matched", Id, nullable=False),
        sa.Column("theirs_fen", Id, nullable=False),
        sa.Column("ours_fen", Id, nullable=False),
        sa.Column("fee_fen", Id, nullable=False),
        **MYSQL,
    )


def _difference() -> None:
    op.create_table(
        "settlement_difference",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(8), nullable=False),
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("ours_fen", Id, nullable=False),
        sa.Column("theirs_fen", Id, nullable=False),
        sa.Column("detail", sa.String(300), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("found_at", Id, nullable=False),
        sa.Column("resolved_at", Id),
        sa.Column("resolved_by", Id),
        sa.Column("reason", sa.String(200)),
        sa.UniqueConstraint("channel", "day", "kind", "subject", "ref", name="uq_settlement_difference"),
        **MYSQL,
    )
    op.create_index("ix_settlement_difference_state", "settlement_difference", ["state", "id"], unique=False)
    op.create_index("ix_settlement_difference_ref", "settlement_difference", ["ref"], unique=False)
