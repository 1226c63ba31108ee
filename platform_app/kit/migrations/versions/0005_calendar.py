"""Items, options and price rules of offerings; providers' calendars; where and until when a slot's work is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from platform_app.kit.db import MYSQL, Id

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_catalog_offering_newest", ["active", "created_at", "id"]),
    ("ix_catalog_offering_in_category", ["active", "category_id", "rating_x100", "id"]),
    ("ix_catalog_offering_in_district", ["active", "district", "rating_x100", "id"]),
)
PROVIDER_INDEXES = (
    ("ix_providers_provider_rating", ["rating_x100", "orders_done"]),
    ("ix_providers_provider_in_district", ["district", "rating_x100", "orders_done"]),
)
SLOT_COLUMNS = (("ends_at", Id), ("lat_e6", sa.Integer()), ("lng_e6", sa.Integer()))
ORDER_COLUMNS = (("lat_e6", sa.Integer()), ("lng_e6", sa.Integer()), ("quote", sa.Text()))


def upgrade() -> None:
    _catalog()
    _defaults()
    op.create_table(
        "orders_calendar",
        sa.Column("provider_id", Id, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("updated_at", Id, nullable=False),
        sa.PrimaryKeyConstraint("provider_id"),
        **MYSQL,
    )
    op.execute(
        "INSERT INTO orders_calendar (provider_id, version, document, updated_at)"
        " SELECT id, 0, '{}', created_at FROM providers_provider"
    )
    for table, columns in (("orders_slot", SLOT_COLUMNS), ("orders_order", ORDER_COLUMNS)):
        for name, kind in columns:
            op.add_column(table, sa.Column(name, kind, nullable=True))
    op.execute(
        "UPDATE orders_slot SET ends_at = (SELECT o.ends_at FROM orders_order o WHERE o.id = orders_slot.order_id)"
    )


def _catalog() -> None:
    texts = (("name", 64), ("name_en", 64))
    op.create_table(
        "catalog_item",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("offering_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(length=size), nullable=False) for name, size in texts),
        sa.Column("base_fen", Id, nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("included", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("unit_fen", Id, nullable=False),
        sa.Column("unit_minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        **MYSQL,
    )
    op.create_index("ix_catalog_item_offering", "catalog_item", ["offering_id", "position"], unique=False)
    op.create_table(
        "catalog_option",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("offering_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(length=size), nullable=False) for name, size in texts),
        sa.Column("price_fen", Id, nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        **MYSQL,
    )
    op.create_index("ix_catalog_option_offering", "catalog_option", ["offering_id", "position"], unique=False)
    op.create_table(
        "catalog_rules",
        sa.Column("offering_id", Id, autoincrement=False, nullable=False),
        *(sa.Column(f"{name}_bp", sa.Integer(), nullable=False) for name in ("weekend", "holiday", "evening")),
        sa.Column("evening_from", sa.Integer(), nullable=False),
        sa.Column("min_fen", Id, nullable=False),
        sa.Column("districts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("offering_id"),
        **MYSQL,
    )
    for table, indexes in (("catalog_offering", INDEXES), ("providers_provider", PROVIDER_INDEXES)):
        for name, columns in indexes:
            op.create_index(name, table, columns, unique=False)


def _defaults() -> None:
    """What could be booked so far goes on as the offering's one item, at the same price, without any factor."""
    op.execute(
        "INSERT INTO catalog_item (offering_id, position, name, name_en, base_fen, minutes, unit, included, most,"
        " unit_fen, unit_minutes) SELECT o.id, 0, s.name, 'standard', o.price_fen, s.duration_minutes, '', 1, 1, 0, 0"
        " FROM catalog_offering o JOIN catalog_service s ON s.id = o.service_id"
    )
    op.execute(
        "INSERT INTO catalog_rules (offering_id, weekend_bp, holiday_bp, evening_bp, evening_from, min_fen, districts)"
        " SELECT id, 10000, 10000, 10000, 1080, 0, '{}' FROM catalog_offering"
    )


def downgrade() -> None:
    for table, columns in (("orders_slot", SLOT_COLUMNS), ("orders_order", ORDER_COLUMNS)):
        for name, _ in columns:
            op.drop_column(table, name)
    for table, indexes in (("catalog_offering", INDEXES), ("providers_provider", PROVIDER_INDEXES)):
        for name, _ in indexes:
            op.drop_index(name, table)
    for table in ("orders_calendar", "catalog_rules", "catalog_option", "catalog_item"):
        op.drop_table(table)
