"""The tables of providers."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table

from platform_app.kit.db import MYSQL, Id, metadata

provider = Table(
    "providers_provider",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("user_id", Id, nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    Column("district", String(32), nullable=False),
    Column("intro", String(300), nullable=False),
    Column("years", Integer, nullable=False),
    Column("rating_x100", Integer, nullable=False),
    Column("orders_done", Integer, nullable=False),
    Column("created_at", Id, nullable=False),
    Index("ix_providers_provider_district", "district", "rating_x100"),
    Index("ix_providers_provider_rating", "rating_x100", "orders_done"),
    Index("ix_providers_provider_in_district", "district", "rating_x100", "orders_done"),
    **MYSQL,
)

event = Table(
    "providers_event",
    metadata,
    Column("event_id", String(40), primary_key=True),
    Column("at", Id, nullable=False, index=True),
    **MYSQL,
)
"""Events taken already, so that a repeated delivery counts once."""
