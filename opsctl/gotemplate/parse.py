"""Tokens → nodes. Source: text/template/parse/parse.go."""

from __future__ import annotations

from collections.abc import Collection

from opsctl.gotemplate.constants import char_value, number_value, string_value
from opsctl.gotemplate.errors import TemplateError
from opsctl.gotemplate.lexer import Token, lex
from opsctl.gotemplate.nodes import (
    Action,
    Branch,
    Chain,
    Command,
    Constant,
    Dot,
    Field,
    Function,
    Include,
    Jump,
    Nil,
    Node,
    Pipe,
    Place,
    Term,
    Text,
    Variable,
)  # fmt: skip

_KEYWORDS = {"if", "else", "end", "range", "with", "define", "template", "block", "break", "continue"}
_DEEPEST = 50


class Parser:
    """Parses one text; templates that it defines are left in `defined`."""

    def __init__(self, text: str, name: str, functions: Collection[str]) -> None:
        self.defined: dict[str, tuple[Node, ...]] = {}
        self._name = name
        self._functions = functions
        self._tokens = lex(text, name)
        self._at = 0
        self._variables = ["$"]
        self._loops = 0
        self._depth = 0

    def parse(self) -> tuple[Node, ...]:
        """The nodes of the whole text. Raises TemplateError."""
        nodes, end = self._nodes(top=True)
        if end:
            raise self._error(f"unexpected {{{{{end}}}}}")
        return nodes

    # -- tokens

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self) -> Token:
        token = self._peek()
        if token is None:
            raise self._error("unexpected EOF")
        self._at += 1
        return token

    def _blank(self) -> None:
        while (token := self._peek()) is not None and token.kind == "space":
            self._at += 1

    def _line(self) -> int:
        place = min(self._at, len(self._tokens) - 1)
        return self._tokens[place].line if self._tokens else 1

    def _place(self) -> Place:
        """Where the next token begins."""
        self._blank()
        token = self._peek()
        return Place(token.line, token.column) if token is not None else Place(self._line(), 0)

    def _error(self, reason: str) -> TemplateError:
        return TemplateError(reason, self._name, self._line())

    def _close(self, where: str) -> None:
        self._blank()
        token = self._take()
        if token.kind != "close":
            self._at -= 1
            raise self._error(f'unexpected "{token.text}" in {where}')

    # -- structure

    def _nodes(self, top: bool = False) -> tuple[tuple[Node, ...], str]:
        """Nodes up to `else`, `end` or the end of the text; says which."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error(f"more than {_DEEPEST} blocks inside each other")
        found: list[Node] = []
        while (token := self._peek()) is not None:
            self._at += 1
            if token.kind == "text":
                found.append(Text(token.text))
                continue
            self._blank()
            word = self._peek()
            keyword = word.text if word is not None and word.kind == "identifier" else ""
            if keyword in ("else", "end"):
                self._at += 1
                self._depth -= 1
                if keyword == "end":
                    self._close("end")
                return tuple(found), keyword
            found += self._action(keyword, top)
        self._depth -= 1
        return tuple(found), ""

    def _action(self, keyword: str, top: bool) -> list[Node]:
        if keyword not in _KEYWORDS:
            pipe = self._pipe("command", "close")
            return [Action(pipe)]
        self._at += 1
        if keyword == "define":
            if not top:
                raise self._error("unexpected {{define}}")
            self._define()
            return []
        if keyword == "block":
            return [self._block()]
        if keyword == "template":
            return [self._include()]
        if keyword in ("break", "continue"):
            if not self._loops:
                raise self._error(f"{{{{{keyword}}}}} outside {{{{range}}}}")
            self._close(keyword)
            return [Jump(keyword)]
        return [self._branch(keyword)]

    def _branch(self, keyword: str) -> Branch:
        known = len(self._variables)
        pipe = self._pipe(keyword, "close")
        self._loops += keyword == "range"
        then, end = self._nodes()
        self._loops -= keyword == "range"
        otherwise: tuple[Node, ...] = ()
        if end == "else":
            otherwise = self._else(keyword)
        elif end != "end":
            raise self._error("unexpected EOF")
        del self._variables[known:]
        return Branch(keyword, pipe, then, otherwise)

    def _else(self, keyword: str) -> tuple[Node, ...]:
        """`{{else}} … {{end}}`, or `{{else if …}}`, `{{else with …}}`, which share the end."""
        self._blank()
        token = self._peek()
        if token is not None and token.kind == "identifier" and token.text in ("if", "with") and keyword != "range":
            self._at += 1
            self._depth += 1
            if self._depth > _DEEPEST:
                raise self._error(f"more than {_DEEPEST} blocks inside each other")
            made = self._branch(token.text)
            self._depth -= 1
            return (made,)
        self._close("else")
        nodes, end = self._nodes()
        if end == "else":
            raise self._error("expected end; found {{else}}")
        if end != "end":
            raise self._error("unexpected EOF")
        return nodes

    def _define(self) -> None:
        name = self._template_name("define clause")
        self._close("define clause")
        self.defined[name] = self._body()

    def _block(self) -> Node:
        place = self._place()
        name = self._template_name("block clause")
        pipe = self._pipe("block clause", "close")
        self.defined[name] = self._body()
        return Include(name, pipe, place)

    def _body(self) -> tuple[Node, ...]:
        outer, self._variables = self._variables, ["$"]
        loops, self._loops = self._loops, 0
        nodes, end = self._nodes(top=False)
        if end != "end":
            raise self._error("unexpected EOF" if not end else "unexpected {{else}}")
        self._variables, self._loops = outer, loops
        return nodes

    def _include(self) -> Node:
        place = self._place()
        name = self._template_name("template clause")
        self._blank()
        token = self._peek()
        if token is not None and token.kind == "close":
            self._at += 1
            return Include(name, None, place)
        return Include(name, self._pipe("template clause", "close"), place)

    def _template_name(self, where: str) -> str:
        self._blank()
        token = self._take()
        if token.kind != "string":
            raise self._error(f'unexpected "{token.text}" in {where}')
        return string_value(token, self._name)

    # -- pipelines

    def _pipe(self, where: str, end: str) -> Pipe:
        place = self._place()
        declared, assigns = self._declaration(where)
        commands: list[Command] = []
        while True:
            self._blank()
            token = self._peek()
            if token is None:
                raise self._error("unexpected EOF")
            if token.kind == end:
                self._at += 1
                break
            if commands and token.kind == "pipe":
                self._at += 1
            commands.append(self._command(where, end))
        if not commands:
            raise self._error(f"missing value for {where}")
        for each in commands[1:]:
            if isinstance(each.args[0], Dot | Nil | Constant):
                raise self._error(f"non executable command in pipeline stage {commands.index(each) + 1}")
        if not assigns:
            self._variables += declared
        return Pipe(tuple(declared), assigns, tuple(commands), place)

    def _declaration(self, where: str) -> tuple[list[str], bool]:
        """`$a :=`, `$a =`, `$a, $b :=` (range only); leaves the place as it was where there is none."""
        start = self._at
        names: list[str] = []
        while True:
            self._blank()
            token = self._peek()
            if token is None or token.kind != "variable":
                break
            names.append(token.text)
            self._at += 1
            self._blank()
            after = self._peek()
            if after is not None and after.kind in ("declare", "assign"):
                self._at += 1
                self._check_known(names if after.kind == "assign" else [])
                return names, after.kind == "assign"
            if after is None or after.kind != "comma":
                break
            if where != "range" or len(names) > 1:
                raise self._error(f"too many declarations in {where}")
            self._at += 1
        self._at = start
        return [], False

    def _check_known(self, names: list[str]) -> None:
        for name in names:
            if name not in self._variables:
                raise self._error(f'undefined variable "{name}"')

    def _command(self, where: str, end: str) -> Command:
        args: list[Term] = []
        place = self._place()
        while True:
            self._blank()
            token = self._peek()
            if token is None:
                raise self._error("unexpected EOF")
            if token.kind in (end, "pipe", "right", "close"):
                break
            args.append(self._operand(token, where))
            after = self._peek()
            if after is not None and after.kind not in ("space", "pipe", "right", "close"):
                raise self._error(f'unexpected "{after.text}" in operand')
        if not args:
            raise self._error("empty command")
        if token.kind not in (end, "pipe"):
            raise self._error(f'unexpected "{token.text}" in {where}')
        return Command(tuple(args), place)

    def _operand(self, token: Token, where: str) -> Term:
        term = self._term(token, where)
        names: list[str] = []
        place = Place(0, 0)
        while (after := self._peek()) is not None and after.kind == "field":
            place = place if names else Place(after.line, after.column)
            names.append(after.text[1:])
            self._at += 1
        if not names:
            return term
        if isinstance(term, Field):
            return Field(term.names + tuple(names), place)
        if isinstance(term, Variable):
            return Variable(term.name, term.names + tuple(names), place)
        if isinstance(term, Constant | Nil | Dot):
            raise self._error(f'unexpected . after term "{token.text}"')
        return Chain(term, tuple(names), place)

    def _term(self, token: Token, where: str) -> Term:
        self._at += 1
        kind, place = token.kind, Place(token.line, token.column)
        if kind == "identifier":
            return self._word(token)
        if kind == "dot":
            return Dot(place)
        if kind == "field":
            return Field((token.text[1:],), place)
        if kind == "variable":
            self._check_known([token.text])
            return Variable(token.text, (), place)
        if kind == "string":
            return Constant(string_value(token, self._name), token.text, place)
        if kind == "char":
            return Constant(char_value(token, self._name), token.text, place)
        if kind == "number":
            return Constant(number_value(token, self._name), token.text, place)
        if kind == "left":
            self._depth += 1
            if self._depth > _DEEPEST:
                raise self._error(f"more than {_DEEPEST} parentheses inside each other")
            known = len(self._variables)
            pipe = self._pipe("parenthesized pipeline", "right")
            del self._variables[known:]
            self._depth -= 1
            return pipe
        self._at -= 1
        raise self._error(f'unexpected "{token.text}" in {where}')

    def _word(self, token: Token) -> Term:
        place = Place(token.line, token.column)
        if token.text in ("true", "false"):
            return Constant(token.text == "true", token.text, place)
        if token.text == "nil":
            return Nil(place)
        if token.text in _KEYWORDS:
            raise self._error(f"unexpected <{token.text}> in operand")
        if token.text not in self._functions:
            raise self._error(f'function "{token.text}" not defined')
        return Function(token.text, place)
