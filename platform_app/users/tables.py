"""The tables of users."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table

from platform_app.kit.db import MYSQL, Id, metadata
from platform_app.kit.idempotency import idempotency_table
from platform_app.kit.outbox import outbox_table

user = Table(
    "users_user",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("phone", String(20), nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at", Id, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("token_generation", Integer, nullable=False, server_default="0"),
    Column("default_address_id", Id),
    Column("deleted_at", Id),
    **MYSQL,
)
"""Of a deleted account only the row stays: `phone` is then `deleted:<id>`, the name is gone."""

activity = Table(
    "users_activity",
    metadata,
    Column("user_id", Id, primary_key=True, autoincrement=False),
    Column("day", String(10), primary_key=True),
    Column("at", Id, nullable=False),
    Index("ix_users_activity_day", "day"),
    Index("ix_users_activity_at", "at"),
    **MYSQL,
)
"""A row a person and day (Asia/Shanghai); `at`: when they were last seen on it."""

code = Table(
    "users_code",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("phone", String(20), nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("created_at", Id, nullable=False),
    Column("expires_at", Id, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("used_at", Id),
    Column("purpose", String(32), nullable=False, server_default="login"),
    Index("ix_users_code_phone", "phone", "created_at"),
    Index("ix_users_code_expires_at", "expires_at"),
    **MYSQL,
)
"""`purpose`: `login`, `phone:<user>` (a new phone) or `delete:<user>`; a code counts for nothing else."""

sms_limit = Table(
    "users_sms_limit",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("key_hash", String(64), primary_key=True),
    Column("began_at", Id, nullable=False),
    Column("used", Integer, nullable=False),
    Column("last_at", Id, nullable=False),
    Index("ix_users_sms_limit_last_at", "last_at"),
    **MYSQL,
)
"""How many codes a phone, a device, a client address (each as a keyed hash) and all together have asked for."""

session = Table(
    "users_session",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("user_id", Id, nullable=False),
    Column("device_hash", String(64), nullable=False),
    Column("name", String(40), nullable=False),
    Column("app", String(40), nullable=False),
    Column("user_agent", String(200), nullable=False),
    Column("provider_id", Id, nullable=False),
    Column("created_at", Id, nullable=False),
    Column("last_seen_at", Id, nullable=False),
    Column("expires_at", Id, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("current_hash", String(64), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("rotated_at", Id, nullable=False),
    Column("revoked_at", Id),
    Column("revoked_reason", String(16), nullable=False),
    Index("ix_users_session_user", "user_id", "revoked_at"),
    Index("ix_users_session_expires_at", "expires_at"),
    **MYSQL,
)
"""A login on a device, and the family of its refresh tokens: `turn` counts the rotations."""

revocation = Table(
    "users_revocation",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("user_id", Id, nullable=False),
    Column("session_id", Id, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("at", Id, nullable=False),
    Index("ix_users_revocation_at", "at"),
    **MYSQL,
)
"""What the edge is told: this session is dead, or (session 0) all tokens of this person before this generation."""

address = Table(
    "users_address",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("user_id", Id, nullable=False),
    Column("contact", String(20), nullable=False),
    Column("phone", String(20), nullable=False),
    Column("province", String(20), nullable=False),
    Column("city", String(20), nullable=False),
    Column("district", String(20), nullable=False),
    Column("street", String(80), nullable=False),
    Column("detail", String(80), nullable=False),
    Column("label", String(10), nullable=False),
    Column("lat_e6", Integer, nullable=False),
    Column("lng_e6", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Id, nullable=False),
    Column("updated_at", Id, nullable=False),
    Index("ix_users_address_user", "user_id"),
    **MYSQL,
)
"""Coordinates in millionths of a degree, GCJ-02 as Chinese maps and WeChat give them."""

retained = Table(
    "users_retained",
    metadata,
    Column("user_id", Id, primary_key=True, autoincrement=False),
    Column("phone_hash", String(64), nullable=False),
    Column("deleted_at", Id, nullable=False),
    Column("keep_until", Id, nullable=False),
    Index("ix_users_retained_keep_until", "keep_until"),
    **MYSQL,
)
"""Of deleted accounts: a keyed hash of the phone, so that a claim about old orders can be matched for three years."""

idempotency = idempotency_table("users")
outbox = outbox_table("users")
