"""Bearer tokens: the server keeps SHA-256 hashes, the local CLI one file a role, mode 0600."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from pathlib import Path

from opsctl.access.roles import ROLES, Principal
from opsctl.core.db import Database
from opsctl.core.errors import Conflict, NotFound
from opsctl.core.folder import write_whole

SCHEMA: Sequence[str] = (
    """CREATE TABLE token (
        name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
        created REAL NOT NULL, revoked REAL)""",
)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """The server's token table. A token is 256 random bits, so a plain hash is enough."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, name: str, role: str, now: float) -> str:
        """Makes a token and returns it, the only time it is seen. Raises Conflict on a taken name."""
        token = f"ops_{secrets.token_urlsafe(32)}"
        with self._db.transaction() as tx:
            if tx.execute("SELECT 1 FROM token WHERE name=? AND revoked IS NULL", (name,)).fetchone():
                raise Conflict(f"a token named {name!r} exists", f"opsctl user revoke {name}")
            tx.execute("DELETE FROM token WHERE name=?", (name,))
            tx.execute("INSERT INTO token VALUES (?,?,?,?,NULL)", (name, role, _hash(token), now))
        return token

    def revoke(self, name: str, now: float) -> None:
        with self._db.transaction() as tx:
            done = tx.execute("UPDATE token SET revoked=? WHERE name=? AND revoked IS NULL", (now, name))
            if done.rowcount == 0:
                raise NotFound(f"no token named {name!r}", "opsctl user list")

    def who(self, token: str) -> Principal | None:
        """The principal of a token, or None when it is unknown or revoked."""
        row = self._db.row("SELECT name, role, hash FROM token WHERE hash=? AND revoked IS NULL", _hash(token))
        if row is None or not hmac.compare_digest(row["hash"], _hash(token)):
            return None
        return Principal(row["name"], row["role"])

    def list(self) -> list[dict[str, object]]:
        return [dict(r) for r in self._db.rows("SELECT name, role, created, revoked FROM token ORDER BY name")]

    def seed(self, folder: Path, now: float) -> None:
        """One token of each role for the local CLI, in `folder`, made again where its file is missing."""
        for role in ROLES:
            file = folder / role
            if file.exists() and self.who(file.read_text().strip()) is not None:
                continue
            name = f"local-{role}"
            with self._db.transaction() as tx:
                tx.execute("DELETE FROM token WHERE name=?", (name,))
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(file, self.add(name, role, now).encode() + b"\n")
