"""The tables of the catalog. An offering repeats its provider's name and district: no joins across services."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table

from platform_app.kit.db import MYSQL, Id, metadata

category = Table(
    "catalog_category",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", String(32), nullable=False, unique=True),
    Column("intro", String(200), nullable=False),
    Column("position", Integer, nullable=False),
    **MYSQL,
)

service = Table(
    "catalog_service",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("category_id", Id, nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("intro", String(300), nullable=False),
    Column("duration_minutes", Integer, nullable=False),
    **MYSQL,
)

offering = Table(
    "catalog_offering",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("service_id", Id, nullable=False),
    Column("category_id", Id, nullable=False),
    Column("provider_id", Id, nullable=False),
    Column("provider_user_id", Id, nullable=False),
    Column("provider_name", String(64), nullable=False),
    Column("price_fen", Id, nullable=False),
    Column("district", String(32), nullable=False),
    Column("rating_x100", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", Id, nullable=False),
    Index("ix_catalog_offering_rating", "active", "rating_x100", "id"),
    Index("ix_catalog_offering_price", "active", "price_fen", "id"),
    Index("ix_catalog_offering_category", "category_id", "district"),
    Index("ix_catalog_offering_service", "service_id"),
    Index("ix_catalog_offering_provider", "provider_id"),
    **MYSQL,
)
