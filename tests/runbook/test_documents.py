"""Mistakes in runbooks: file, line, nearest right name; and the last good ones stay in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.core.errors import DocumentError
from opsctl.runbook.library import Library, load_files, load_text, runbook_files
from tests.runbook.world import book

GOOD = "steps:\n  - {id: a, title: {zh: 甲, en: A}, action: config_show}\n"
T = "title: {zh: 甲, en: A}"
MISTAKES = (
    (f"steps:\n  - {{id: a, {T}, action: config_shw}}", 5, "no action 'config_shw' (did you mean 'config_show'?)"),
    (f"steps:\n  - id: a\n    {T}\n    action: config_show\n    with: {{kei: x}}", 8, "no input 'kei' (did you mean 'key'?)"),
    (f"steps:\n  - id: a\n    {T}\n    actoin: config_show", 7, "unknown key (did you mean 'action'?)"),
    (f"steps:\n  - {{id: a, {T}, action: query}}", 5, "query needs 'expr'"),
    (f"steps:\n  - {{id: a, {T}, action: http_check, with: {{url: ftp://x}}}}", 5, "String should match pattern"),
    (f"steps:\n  - {{id: a, {T}, action: config_set, with: {{key: a, value: 1}}}}", 5, "its kind is action"),
    (f"steps:\n  - {{id: a, {T}, kind: wait, action: config_show}}", 5, "a wait needs `until`"),
    (f"steps:\n  - {{id: a, {T}, kind: manual}}", 5, "a manual step needs `text`"),
    (f"steps:\n  - {{id: a, {T}, action: config_show, dangerous: true}}", 5, "only an action can be dangerous"),
    (f"steps:\n  - {{id: a, {T}, action: config_show, when: 'params.x'}}", 5, "no parameter 'x'"),
    (f"steps:\n  - {{id: a, {T}, action: config_show, when: 'paramz.x'}}", 5, "unknown name 'paramz' (did you mean 'params'?)"),
    (f"steps:\n  - {{id: a, {T}, action: config_show, with: {{key: '{{{{ a b }}}}'}}}}", 5, "not a template"),
    (f"steps:\n  - {{id: a, {T}, action: config_show, with: {{key: '{{{{ steps.b.version }}}}'}}}}\n"
     f"  - {{id: b, {T}, action: config_show}}", 5, "step 'b' has no output here"),
    (f"steps:\n  - {{id: a, {T}, action: config_show}}\n"
     f"  - {{id: b, {T}, action: config_show, when: steps.a.versoin}}", 6, "has no output 'versoin' (did you mean 'version'?)"),
    (f"steps:\n  - {{id: a, {T}, action: config_show}}\n  - {{id: a, {T}, action: config_show}}", 6, "two steps are called 'a'"),
    (f"steps:\n  - {{id: a, {T}, action: config_show, expect: 'output ='}}", 5, "not an expression"),
    (f"steps:\n  - {{id: a-b, {T}, action: config_show}}", 5, "String should match pattern"),
    (f"parameters: {{p: {{type: integer, default: x}}}}\n{GOOD}", 4, "is not integer"),
    ("steps: []", 4, "at least 1 item"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES)
def test_a_mistake_is_named_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_text(book("bad", text), "bad.yml")
    assert any(p.line == line and message in str(p) for p in caught.value.problems), caught.value.problems


def test_every_mistake_of_every_file_is_told_and_the_good_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(book("a", GOOD))
    library = Library(tmp_path)
    library.reload()
    (tmp_path / "b.yml").write_text(book("x", GOOD))
    (tmp_path / "c.yml").write_text("nonsense")
    with pytest.raises(DocumentError) as caught:
        library.reload()
    assert [Path(p.file).name for p in caught.value.problems] == ["b.yml", "c.yml"]
    assert [b.name for b in library.all()] == ["a"]


def test_the_runbooks_that_are_shipped_are_good_and_each_alert_has_one() -> None:
    books = load_files(runbook_files(Path(__file__).parents[2] / "runbooks"))
    alerts = [alert for book, _ in books.values() for alert in book.alerts]
    assert len(alerts) == len(set(alerts))
    assert {"payment-outage", "service-down", "database-locked", "storage-filling", "bad-configuration"} <= set(books)
    for found, _ in books.values():
        assert all(
            step.dangerous
            for step in found.steps
            if step.action in ("end_process", "config_set", "config_rollback", "task")
        )
