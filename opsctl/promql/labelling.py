"""Label names and matchers: `{a="b", "metric.name"}` and the `(a, "b.c")` of by, on and group_left."""

from __future__ import annotations

from opsctl.model.labels import METRIC_NAME
from opsctl.model.matcher import Matcher
from opsctl.model.regexp_error import told
from opsctl.promql.lexer import Token
from opsctl.promql.literals import unquoted
from opsctl.promql.reader import Reader
from opsctl.promql.syntax import Selector

_GROUPING = "grouping opts"
_MATCHING = "label matching"
_OPERATORS = ("=", "!=", "=~", "!~")
_NOT_A_LABEL = ("without",)


class Labelling:
    """Reads them from the grammar's place."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def selector(self, name: Token | None) -> Selector:
        """A selector whose name, if it stands before the braces, has been read."""
        reader = self._reader
        position = name.position if name is not None else reader.token.position
        matchers = self._matchers() if reader.is_mark("{") else []
        if name is not None:
            matchers.append(Matcher(METRIC_NAME, "=", name.text))
        own = [m.value for m in matchers if m.name == METRIC_NAME and m.op == "="]
        title = name.text if name is not None else next(iter(own), "")
        return Selector(title, tuple(matchers), position=position, outside=name is not None)

    def _matchers(self) -> list[Matcher]:
        reader = self._reader
        reader.take()
        made: list[Matcher] = []
        while not reader.is_mark("}"):
            made.append(self._matcher())
            if reader.is_mark(","):
                reader.take()
            elif not reader.is_mark("}"):
                raise reader.unexpected(_MATCHING, '"," or "}"')
        reader.take()
        return made

    def _matcher(self) -> Matcher:
        reader = self._reader
        name = reader.token
        if name.kind not in ("identifier", "string"):
            raise reader.unexpected(_MATCHING, 'identifier or "}"')
        reader.take()
        op = reader.token
        if op.text not in _OPERATORS or op.kind == "string":
            if name.kind == "string":
                return Matcher(METRIC_NAME, "=", unquoted(name.text))
            raise reader.unexpected(_MATCHING, "label matching operator")
        reader.take()
        if reader.token.kind != "string":
            raise reader.unexpected(_MATCHING, "string")
        own = unquoted(name.text) if name.kind == "string" else name.text
        try:
            return Matcher(own, op.text, unquoted(reader.take().text))  # type: ignore[arg-type]
        except ValueError as error:
            raise reader.refuse(told(error.__cause__), name.position) from None

    def names(self) -> tuple[str, ...]:
        """`(a, b)`, a comma at the end allowed."""
        reader = self._reader
        reader.expect("(", _GROUPING, '"("')
        made: list[str] = []
        while not reader.is_mark(")"):
            made.append(self._name())
            if reader.is_mark(","):
                reader.take()
            elif not reader.is_mark(")"):
                raise reader.unexpected(_GROUPING, '"," or ")"')
        reader.take()
        return tuple(made)

    def _name(self) -> str:
        token = self._reader.token
        if token.kind == "string":
            name = unquoted(self._reader.take().text)
            if not name or any("\ud800" <= char <= "\udfff" for char in name):
                raise self._reader.refuse(f'invalid label name for grouping: "{name}"', token.position)
            return name
        word = token.kind == "operator" and token.text.isalnum()
        known = token.kind in ("identifier", "metric identifier", "aggregator", "keyword", "preprocessor") or word
        if not known or token.text.lower() in _NOT_A_LABEL:
            raise self._reader.unexpected(_GROUPING, "label")
        return self._reader.take().text
