"""The tables of the catalog. An offering repeats its provider's name and district: no joins across services."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

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
    Index("ix_catalog_offering_newest", "active", "created_at", "id"),
    Index("ix_catalog_offering_category", "category_id", "district"),
    Index("ix_catalog_offering_in_category", "active", "category_id", "rating_x100", "id"),
    Index("ix_catalog_offering_in_district", "active", "district", "rating_x100", "id"),
    Index("ix_catalog_offering_service", "service_id"),
    Index("ix_catalog_offering_provider", "provider_id"),
    **MYSQL,
)

item = Table(
    "catalog_item",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("offering_id", Id, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(64), nullable=False),
    Column("name_en", String(64), nullable=False),
    Column("base_fen", Id, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("unit", String(8), nullable=False),
    Column("included", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("unit_fen", Id, nullable=False),
    Column("unit_minutes", Integer, nullable=False),
    Index("ix_catalog_item_offering", "offering_id", "position"),
    **MYSQL,
)

option = Table(
    "catalog_option",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("offering_id", Id, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(64), nullable=False),
    Column("name_en", String(64), nullable=False),
    Column("price_fen", Id, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Index("ix_catalog_option_offering", "offering_id", "position"),
    **MYSQL,
)

rules = Table(
    "catalog_rules",
    metadata,
    Column("offering_id", Id, primary_key=True, autoincrement=False),
    Column("weekend_bp", Integer, nullable=False),
    Column("holiday_bp", Integer, nullable=False),
    Column("evening_bp", Integer, nullable=False),
    Column("evening_from", Integer, nullable=False),
    Column("min_fen", Id, nullable=False),
    Column("districts", Text, nullable=False),
    **MYSQL,
)
"""Price rules; `districts` is JSON, district → extra fen."""
