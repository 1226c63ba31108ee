"""A parsed Go template, ready to be rendered any number of times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.gotemplate.builtins import BUILTINS
from opsctl.gotemplate.errors import TemplateError
from opsctl.gotemplate.execute import Bounds, Run
from opsctl.gotemplate.html import HtmlPage
from opsctl.gotemplate.nodes import Branch, Include, Node
from opsctl.gotemplate.parse import Parser

Functions = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Template:
    """A text and the templates it and its `base` define.

    Go's text/template with `missingkey=zero`, as Prometheus and Alertmanager use it. Data: see execute.py.
    """

    name: str
    nodes: tuple[Node, ...]
    functions: Functions
    defined: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=Bounds)

    @staticmethod
    def parse(
        text: str,
        functions: Functions | None = None,
        name: str = "template",
        base: Template | None = None,
        bounds: Bounds | None = None,
    ) -> Template:
        """Parses a text; `functions` come on top of Go's own, `base` lends its definitions. Raises TemplateError."""
        known = {**BUILTINS, **(base.functions if base is not None else {}), **(functions or {})}
        parser = Parser(text, name, known)
        nodes = parser.parse()
        defined = {**(base.defined if base is not None else {}), **parser.defined}
        return Template(name, nodes, known, defined, bounds or Bounds())

    def render(self, data: Any, functions: Functions | None = None, html: bool = False) -> str:
        """The text for these data. `functions` stand in for those of the same names; `html` escapes values as
        html/template does. Raises TemplateError."""
        known = {**self.functions, **functions} if functions else self.functions
        try:
            page = HtmlPage() if html else None
            return Run(self.name, self.defined, known, self.bounds, page).render(self.nodes, data)
        except RecursionError:
            raise TemplateError("the template goes too deep", self.name) from None

    def undefined(self) -> tuple[str, ...]:
        """The names of templates that this one calls, itself or through others, and that nobody defines."""
        found: list[str] = []
        seen: set[str] = set()
        waiting = [self.nodes]
        while waiting:
            for name in _called(waiting.pop()):
                if name not in seen:
                    seen.add(name)
                    nodes = self.defined.get(name)
                    waiting += [nodes] if nodes is not None else []
                    found += [] if nodes is not None else [name]
        return tuple(found)


def _called(nodes: tuple[Node, ...]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, Include):
            yield node.name
        elif isinstance(node, Branch):
            yield from _called(node.then)
            yield from _called(node.otherwise)
