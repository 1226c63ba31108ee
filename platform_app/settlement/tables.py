"""The tables of settlement. Journals and entries are only ever appended: triggers refuse UPDATE and DELETE.

An entry's `amount_fen` is positive for a debit, negative for a credit. An account's `balance_fen` counts on its
normal side (`side` +1 debit, -1 credit); `guarded` accounts may not fall below zero.
"""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, String, Table, Text, UniqueConstraint

from platform_app.kit.db import MYSQL, Id, metadata

account = Table(
    "settlement_account",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("owner", String(32), nullable=False),
    Column("side", Integer, nullable=False),
    Column("guarded", Boolean(create_constraint=False), nullable=False),
    Column("balance_fen", Id, nullable=False),
    Column("entries", Id, nullable=False),
    UniqueConstraint("kind", "owner", name="uq_settlement_account"),
    CheckConstraint("guarded = 0 OR balance_fen >= 0", name="ck_settlement_account_floor"),
    **MYSQL,
)

journal = Table(
    "settlement_journal",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("event_id", String(80), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(40), nullable=False),
    Column("debit_fen", Id, nullable=False),
    Column("credit_fen", Id, nullable=False),
    Column("at", Id, nullable=False),
    Column("reason", String(200), nullable=False),
    CheckConstraint("debit_fen = credit_fen AND debit_fen > 0", name="ck_settlement_journal_balanced"),
    Index("ix_settlement_journal_subject", "subject", "id"),
    **MYSQL,
)

entry = Table(
    "settlement_entry",
    metadata,
    Column("account_id", Id, primary_key=True, autoincrement=False),
    Column("seq", Id, primary_key=True, autoincrement=False),
    Column("journal_id", Id, nullable=False, index=True),
    Column("amount_fen", Id, nullable=False),
    Column("balance_fen", Id, nullable=False),
    Column("at", Id, nullable=False),
    CheckConstraint("amount_fen <> 0", name="ck_settlement_entry_amount"),
    **MYSQL,
)
"""`seq` counts an account's entries from 1; `balance_fen` is the account's balance after it, on its normal side."""

event = Table(
    "settlement_event",
    metadata,
    Column("event_id", String(80), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("order_id", Id, nullable=False),
    Column("fact", Text, nullable=False),
    Column("state", String(8), nullable=False),
    Column("taken_at", Id, nullable=False),
    Index("ix_settlement_event_order", "order_id", "state"),
    Index("ix_settlement_event_state", "state", "taken_at"),
    **MYSQL,
)
"""Events of neighbours: `posted`, `waiting` for one that must come before, or `repeated`: its money was known."""

book = Table(
    "settlement_book",
    metadata,
    Column("order_id", Id, primary_key=True, autoincrement=False),
    Column("provider_id", Id, nullable=False),
    Column("held_fen", Id, nullable=False),
    Column("early_fen", Id, nullable=False),
    Column("earned_fen", Id, nullable=False),
    Column("coupon_fen", Id, nullable=False),
    Column("commission_fen", Id, nullable=False),
    Column("net_fen", Id, nullable=False),
    Column("frozen_fen", Id, nullable=False),
    Column("state", String(12), nullable=False),
    Column("available_at", Id),
    Index("ix_settlement_book_state", "state", "available_at"),
    **MYSQL,
)
"""An order's money. state: open → pending → available, frozen in between; `net_fen` is the provider's share left,
`early_fen` what was refunded before anything was earned."""

movement = Table(
    "settlement_movement",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("channel", String(32), nullable=False),
    Column("subject", String(8), nullable=False),
    Column("ref", String(64), nullable=False),
    Column("trade_no", String(64), nullable=False),
    Column("order_id", Id, nullable=False, index=True),
    Column("amount_fen", Id, nullable=False),
    Column("at", Id, nullable=False),
    Column("billed_day", String(10)),
    UniqueConstraint("subject", "ref", name="uq_settlement_movement_ref"),
    Index("ix_settlement_movement_at", "at"),
    **MYSQL,
)
"""Money that a channel says came (`paid`) or went back (`refunded`); `billed_day`: whose bill showed it."""

withdrawal = Table(
    "settlement_withdrawal",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("no", String(32), nullable=False, unique=True),
    Column("provider_id", Id, nullable=False),
    Column("amount_fen", Id, nullable=False),
    Column("openid", String(64), nullable=False),
    Column("idempotency_key", String(80), nullable=False),
    Column("state", String(12), nullable=False),
    Column("requested_at", Id, nullable=False),
    Column("decided_by", Id),
    Column("decided_at", Id),
    Column("done_at", Id),
    Column("failure", String(200)),
    Column("tries", Integer, nullable=False),
    Column("check_at", Id),
    UniqueConstraint("provider_id", "idempotency_key", name="uq_settlement_withdrawal_key"),
    Index("ix_settlement_withdrawal_provider", "provider_id", "id"),
    Index("ix_settlement_withdrawal_check", "check_at"),
    **MYSQL,
)
"""state: requested → approved → sent → paid | failed; requested → rejected."""

run = Table(
    "settlement_run",
    metadata,
    Column("channel", String(32), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("at", Id, nullable=False),
    Column("runs", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("lines", Id, nullable=False),
    Column("matched", Id, nullable=False),
    Column("theirs_fen", Id, nullable=False),
    Column("ours_fen", Id, nullable=False),
    Column("fee_fen", Id, nullable=False),
    **MYSQL,
)
"""The last reconciliation of a channel's day. outcome: agreed | differences | unfetched."""

difference = Table(
    "settlement_difference",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("channel", String(32), nullable=False),
    Column("day", String(10), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("subject", String(8), nullable=False),
    Column("ref", String(64), nullable=False),
    Column("ours_fen", Id, nullable=False),
    Column("theirs_fen", Id, nullable=False),
    Column("detail", String(300), nullable=False),
    Column("state", String(8), nullable=False),
    Column("found_at", Id, nullable=False),
    Column("resolved_at", Id),
    Column("resolved_by", Id),
    Column("reason", String(200)),
    UniqueConstraint("channel", "day", "kind", "subject", "ref", name="uq_settlement_difference"),
    Index("ix_settlement_difference_state", "state", "id"),
    Index("ix_settlement_difference_ref", "ref"),
    **MYSQL,
)
"""state: open → resolved. `resolved_by` is the operator; 0: a later run found that both agree."""
