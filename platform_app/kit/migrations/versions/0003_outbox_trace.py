"""Events carry the trace of the request that published them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OUTBOXES = ("users_outbox", "orders_outbox", "payments_outbox")


def upgrade() -> None:
    for table in OUTBOXES:
        op.add_column(table, sa.Column("traceparent", sa.String(length=55), nullable=False, server_default=""))


def downgrade() -> None:
    for table in OUTBOXES:
        op.drop_column(table, "traceparent")
