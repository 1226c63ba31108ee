"""What every service of the platform stands on: configuration, database, service frame, outbox, auth, client.

A service is a folder with `tables.py` (SQLAlchemy Core tables on `kit.db.metadata`), `endpoints.py` (routers),
rules named by their noun, and `__main__.py`: `serve("orders", create)`, where `create(folder)` calls `create_app`.
Its tables are made by a revision in `kit/migrations/versions/` (explicit `op.create_table`, `**MYSQL` from
`kit.db`); an outbox by `kit.outbox.outbox_table("<service>")` and `outbox_columns()` in the revision.
"""
