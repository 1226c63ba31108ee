"""The tables of users."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table

from platform_app.kit.db import MYSQL, Id, metadata
from platform_app.kit.outbox import outbox_table

user = Table(
    "users_user",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("phone", String(20), nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at", Id, nullable=False),
    **MYSQL,
)

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
    Index("ix_users_code_phone", "phone", "created_at"),
    Index("ix_users_code_expires_at", "expires_at"),
    **MYSQL,
)

outbox = outbox_table("users")
