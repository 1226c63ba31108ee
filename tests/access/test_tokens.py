from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.access import audit, tokens
from opsctl.access.roles import Principal
from opsctl.core.db import Database
from opsctl.core.errors import Conflict, Forbidden, NotFound


@pytest.fixture
def table(tmp_path: Path) -> tokens.Tokens:
    return tokens.Tokens(Database(tmp_path / "t.db", tokens.SCHEMA))


def test_a_token_is_known_until_it_is_revoked(table: tokens.Tokens) -> None:
    token = table.add("alice", "approver", 1.0)
    assert table.who(token) == Principal("alice", "approver")
    table.revoke("alice", 2.0)
    assert table.who(token) is None


def test_the_server_keeps_no_token(table: tokens.Tokens, tmp_path: Path) -> None:
    token = table.add("alice", "viewer", 1.0)
    assert all(token.encode() not in f.read_bytes() for f in tmp_path.iterdir())


def test_names_are_unique_and_unknown_ones_refused(table: tokens.Tokens) -> None:
    table.add("alice", "viewer", 1.0)
    with pytest.raises(Conflict):
        table.add("alice", "viewer", 1.0)
    with pytest.raises(NotFound):
        table.revoke("bob", 1.0)


def test_local_tokens_are_for_their_owner_alone_and_made_again_when_lost(table: tokens.Tokens, tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    table.seed(folder, 1.0)
    (folder / "operator").unlink()
    table.seed(folder, 2.0)
    assert table.who((folder / "operator").read_text().strip()) == Principal("local-operator", "operator")
    assert {f.stat().st_mode & 0o777 for f in folder.iterdir()} == {0o600}


def test_a_role_may_do_what_the_ones_before_it_may() -> None:
    Principal("a", "approver").require("operator")
    with pytest.raises(Forbidden):
        Principal("a", "operator").require("approver")


def test_the_audit_log_cannot_be_changed_and_shows_when_it_was(tmp_path: Path) -> None:
    db = Database(tmp_path / "a.db", audit.SCHEMA)
    log = audit.Audit(db)
    for number in range(3):
        log.write(float(number), "alice", "operator", "POST", f"/x/{number}", 200, {"n": number})
    with pytest.raises(Exception, match="append-only"), db.transaction() as tx:
        tx.execute("DELETE FROM audit")
    assert log.verify() is None
    with db.transaction() as tx:
        tx.execute("DROP TRIGGER audit_no_update")
        tx.execute("UPDATE audit SET who='eve' WHERE id=2")
    assert log.verify() == 2
