"""Logins on devices with refresh tokens, address book, limits of codes, deleted accounts, kept answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from platform_app.kit.db import MYSQL, Id
from platform_app.kit.idempotency import idempotency_columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("users_session", "users_revocation", "users_address", "users_sms_limit", "users_retained")


def upgrade() -> None:
    op.add_column("users_user", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("users_user", sa.Column("token_generation", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("users_user", sa.Column("default_address_id", Id, nullable=True))
    op.add_column("users_user", sa.Column("deleted_at", Id, nullable=True))
    op.add_column("users_code", sa.Column("purpose", sa.String(length=32), nullable=False, server_default="login"))
    _logins()
    _addresses()
    _limits()
    op.create_table("users_idempotency", *idempotency_columns(), **MYSQL)
    op.create_index("ix_users_idempotency_created_at", "users_idempotency", ["created_at"])


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _number(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, Id, nullable=nullable)


def _id() -> sa.Column[int]:
    return sa.Column("id", Id, primary_key=True, autoincrement=True)


def _logins() -> None:
    op.create_table(
        "users_session",
        _id(),
        _number("user_id"),
        _text("device_hash", 64),
        _text("name", 40),
        _text("app", 40),
        _text("user_agent", 200),
        *(_number(name) for name in ("provider_id", "created_at", "last_seen_at", "expires_at")),
        sa.Column("turn", sa.Integer(), nullable=False),
        _text("current_hash", 64),
        _text("previous_hash", 64),
        _number("rotated_at"),
        _number("revoked_at", nullable=True),
        _text("revoked_reason", 16),
        **MYSQL,
    )
    op.create_index("ix_users_session_user", "users_session", ["user_id", "revoked_at"])
    op.create_index("ix_users_session_expires_at", "users_session", ["expires_at"])
    op.create_table(
        "users_revocation",
        _id(),
        _number("user_id"),
        _number("session_id"),
        sa.Column("generation", sa.Integer(), nullable=False),
        _number("at"),
        **MYSQL,
    )
    op.create_index("ix_users_revocation_at", "users_revocation", ["at"])


def _addresses() -> None:
    names = (("contact", 20), ("phone", 20), ("province", 20), ("city", 20), ("district", 20))
    op.create_table(
        "users_address",
        _id(),
        _number("user_id"),
        *(_text(name, length) for name, length in (*names, ("street", 80), ("detail", 80), ("label", 10))),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("lat_e6", "lng_e6", "version")),
        _number("created_at"),
        _number("updated_at"),
        **MYSQL,
    )
    op.create_index("ix_users_address_user", "users_address", ["user_id"])


def _limits() -> None:
    op.create_table(
        "users_sms_limit",
        sa.Column("name", sa.String(length=16), primary_key=True),
        sa.Column("key_hash", sa.String(length=64), primary_key=True),
        _number("began_at"),
        sa.Column("used", sa.Integer(), nullable=False),
        _number("last_at"),
        **MYSQL,
    )
    op.create_index("ix_users_sms_limit_last_at", "users_sms_limit", ["last_at"])
    op.create_table(
        "users_retained",
        sa.Column("user_id", Id, primary_key=True, autoincrement=False),
        _text("phone_hash", 64),
        _number("deleted_at"),
        _number("keep_until"),
        **MYSQL,
    )
    op.create_index("ix_users_retained_keep_until", "users_retained", ["keep_until"])


def downgrade() -> None:
    for table in (*TABLES, "users_idempotency"):
        op.drop_table(table)
    op.drop_column("users_code", "purpose")
    for column in ("version", "token_generation", "default_address_id", "deleted_at"):
        op.drop_column("users_user", column)
