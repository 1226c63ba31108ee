"""Brings a database's schema up to date by alembic: `upgrade(url)`. Revisions: `kit/migrations/versions/`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from platform_app.kit.db import sync_engine

FOLDER = Path(__file__).parent / "migrations"


def upgrade(url: str, revision: str = "head") -> None:
    """Runs the revisions that `url` lacks. Harmless when there are none."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    engine = sync_engine(url)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.commit()
    finally:
        engine.dispose()
