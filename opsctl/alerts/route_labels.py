"""A route's labels: templates that may name one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from opsctl.gotemplate import TemplateError


class RouteLabels(Mapping[str, str]):
    """Each label is filled in when it is first asked for, by a reader or by another label's text.

    `fill` takes a text and the labels that it may name. Raises TemplateError, also for labels that go in a circle.
    Source: alertmanager template.routeLabelResolver.
    """

    def __init__(self, texts: Mapping[str, str], fill: Callable[[str, Mapping[str, str]], str]) -> None:
        self._texts, self._fill = texts, fill
        self._made: dict[str, str] = {}
        self._open: list[str] = []

    def __getitem__(self, name: str) -> str:
        if name not in self._made:
            text = self._texts[name]
            if name in self._open:
                raise TemplateError(f"route label cycle detected: {' -> '.join((*self._open, name))}")
            self._open.append(name)
            try:
                self._made[name] = self._fill(text, self)
            finally:
                self._open.pop()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)
