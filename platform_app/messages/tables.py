"""The table of messages."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text, UniqueConstraint

from platform_app.kit.db import MYSQL, Id, metadata

message = Table(
    "messages_message",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("event_id", String(40), nullable=False),
    Column("user_id", Id, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("title", String(120), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Id, nullable=False),
    Column("read_at", Id),
    UniqueConstraint("event_id", "user_id", name="uq_messages_message_event_user"),
    Index("ix_messages_message_user", "user_id", "id"),
    Index("ix_messages_message_created_at", "created_at"),
    **MYSQL,
)
