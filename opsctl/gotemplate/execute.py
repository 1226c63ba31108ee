"""Runs the nodes of a template over data. Source: text/template/exec.go.

Data are strings, numbers, booleans, None, sequences and mappings. A class of ours that templates may look into has
`template_fields() -> Mapping`; nothing else of an object can be reached.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from opsctl.core.errors import OpsctlError
from opsctl.gotemplate.builtins import LAZY, truth
from opsctl.gotemplate.errors import TemplateError
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
    Term,
    Text,
    Variable,
)  # fmt: skip
from opsctl.gotemplate.text import go_text, go_type, quoted
from opsctl.gotemplate.written import Told, written

_ABSENT = object()


@dataclass(frozen=True)
class Bounds:
    """How much a template may do: steps, characters written, templates inside each other."""

    steps: int = 200_000
    output: int = 1_000_000
    depth: int = 20


class Page(Protocol):
    """What the text becomes part of: it decides what is kept of the template's text, and how values are escaped."""

    def text(self, text: str) -> str: ...

    def value(self, value: Any, last: str) -> str: ...


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Run:
    """One rendering."""

    def __init__(
        self,
        name: str,
        defined: Mapping[str, tuple[Node, ...]],
        functions: Mapping[str, Callable[..., Any]],
        bounds: Bounds,
        page: Page | None = None,
    ) -> None:
        self._name = name
        self._page = page
        self._defined = defined
        self._functions = functions
        self._bounds = bounds
        self._out: list[str] = []
        self._size = 0
        self._steps = 0
        self._depth = 0
        self._variables: list[tuple[str, Any]] = []
        self._executing = name
        self._node: Told | None = None

    def render(self, nodes: Sequence[Node], data: Any) -> str:
        self._variables = [("$", data)]
        self._walk(nodes, data)
        return "".join(self._out)

    # -- statements

    def _walk(self, nodes: Sequence[Node], dot: Any) -> None:
        for node in nodes:
            self._step()
            if isinstance(node, Text):
                self._write(node.text if self._page is None else self._page.text(node.text))
            elif isinstance(node, Action):
                self._action(node.pipe, dot)
            elif isinstance(node, Branch):
                self._branch(node, dot)
            elif isinstance(node, Include):
                self._include(node, dot)
            elif isinstance(node, Jump):
                raise _Break if node.kind == "break" else _Continue

    def _branch(self, node: Branch, dot: Any) -> None:
        known = len(self._variables)
        value = self._pipe(node.pipe, dot)
        if node.kind == "range":
            self._range(node, value, dot)
        elif truth(value):
            self._walk(node.then, value if node.kind == "with" else dot)
        else:
            self._walk(node.otherwise, dot)
        del self._variables[known:]

    def _range(self, node: Branch, value: Any, dot: Any) -> None:
        known = len(self._variables)
        ran = False
        for key, item in self._items(value):
            ran = True
            self._step()
            names = node.pipe.declared
            if names:
                set_ = self._assign if node.pipe.assigns else self._set_declared
                set_(names[-1], item)
                if len(names) > 1:
                    set_(names[0], key)
            try:
                self._walk(node.then, item)
            except _Continue:
                pass
            except _Break:
                break
            finally:
                del self._variables[known:]
        if not ran:
            self._walk(node.otherwise, dot)

    def _items(self, value: Any) -> Iterator[tuple[Any, Any]]:
        if isinstance(value, Mapping):
            return iter([(key, value[key]) for key in sorted(value)])
        if isinstance(value, Sequence) and not isinstance(value, str):
            return iter(enumerate(value))
        if isinstance(value, int) and not isinstance(value, bool):
            return ((i, i) for i in range(value))
        if value is None:
            return iter(())
        raise self._error(f"range can't iterate over {go_text(value)}")

    def _include(self, node: Include, dot: Any) -> None:
        self._node = node
        nodes = self._defined.get(node.name)
        if nodes is None:
            raise self._error(f"template {quoted(node.name)} not defined")
        if self._depth >= self._bounds.depth:
            raise self._error(f"exceeded maximum template depth ({self._bounds.depth})")
        data = self._pipe(node.pipe, dot) if node.pipe is not None else None
        before = self._variables, self._executing
        self._variables, self._executing = [("$", data)], node.name
        self._depth += 1
        self._walk(nodes, data)
        self._depth -= 1
        self._variables, self._executing = before

    def _action(self, pipe: Pipe, dot: Any) -> None:
        last = pipe.commands[-1].args[0]
        name = last.name if isinstance(last, Function) else ""
        if self._page is not None and name == "html" and not pipe.declared:
            self._write(self._page.value(self._before_html(pipe, dot), name))
            return
        value = self._pipe(pipe, dot)
        if not pipe.declared:
            self._write(_printed(value) if self._page is None else self._page.value(value, name))

    def _before_html(self, pipe: Pipe, dot: Any) -> Any:
        """What `html` at the end of a pipeline would be given: the page escapes it where it stands."""
        command = pipe.commands[-1]
        if len(pipe.commands) == 1 and len(command.args) == 2:
            return self._argument(command.args[1], dot)
        if len(command.args) == 1 and len(pipe.commands) > 1:
            return self._pipe(replace(pipe, commands=pipe.commands[:-1]), dot)
        return self._pipe(pipe, dot)

    # -- values

    def _pipe(self, pipe: Pipe, dot: Any) -> Any:
        self._node = pipe
        value: Any = _ABSENT
        for command in pipe.commands:
            value = self._command(command, dot, value)
        for name in pipe.declared:
            if pipe.assigns:
                self._assign(name, value)
            else:
                self._variables.append((name, value))
        return value

    def _command(self, command: Command, dot: Any, final: Any) -> Any:
        self._step()
        first, *rest = command.args
        if isinstance(first, Function):
            return self._call(first, command, rest, dot, final)
        if isinstance(first, Field | Variable | Chain) and (rest or final is not _ABSENT):
            return self._call_value(first, rest, dot, final)
        self._node = self._node if isinstance(first, Pipe) else first
        if rest or final is not _ABSENT:
            raise self._error(f"can't give argument to non-function {written(first)}")
        return self._term(first, dot)

    def _term(self, term: Term, dot: Any) -> Any:
        self._node = term
        if isinstance(term, Constant):
            return term.value
        if isinstance(term, Dot):
            return dot
        if isinstance(term, Nil):
            raise self._error("nil is not a command")
        if isinstance(term, Field):
            return self._called(self._fields(dot, term), term)
        if isinstance(term, Variable):
            return self._called(self._fields(self._variable(term), term), term)
        if isinstance(term, Chain):
            return self._called(self._fields(self._term(term.node, dot), term), term)
        if isinstance(term, Function):
            return self._call(term, term, [], dot, _ABSENT)
        return self._pipe_inside(term, dot)

    def _pipe_inside(self, pipe: Pipe, dot: Any) -> Any:
        known = len(self._variables)
        value = self._pipe(pipe, dot)
        del self._variables[known:]
        return value

    def _argument(self, term: Term, dot: Any) -> Any:
        return None if isinstance(term, Nil) else self._term(term, dot)

    def _call(self, named: Function, whole: Told, rest: Sequence[Term], dot: Any, final: Any) -> Any:
        """`whole`: the command that the function's name begins."""
        self._node = named
        if named.name in LAZY:
            return self._lazy(named.name, rest, dot, final)
        function = self._functions[named.name]
        self._check_count(named.name, function, len(rest) + (final is not _ABSENT))
        return self._invoke(named.name, function, [self._argument(term, dot) for term in rest], final, whole)

    def _lazy(self, name: str, rest: Sequence[Term], dot: Any, final: Any) -> Any:
        """`and`, `or` look at no more arguments than they need."""
        value: Any = final
        if not rest and final is _ABSENT:
            raise self._error(f"wrong number of args for {name}: want at least 1 got 0")
        for term in rest:
            value = self._argument(term, dot)
            if truth(value) == (name == "or"):
                return value
        return value if final is _ABSENT else final

    def _call_value(self, term: Field | Variable | Chain, rest: Sequence[Term], dot: Any, final: Any) -> Any:
        self._node = term
        holder = dot if isinstance(term, Field) else None
        if isinstance(term, Variable):
            holder = self._variable(term)
        if isinstance(term, Chain):
            holder = self._term(term.node, dot)
        if not term.names:
            raise self._error(f"can't give argument to non-function {written(term)}")
        function, name = self._fields(holder, term), term.names[-1]
        if not callable(function):
            raise self._error(f"{name} is not a method but has arguments")
        self._check_count(name, function, len(rest) + (final is not _ABSENT))
        return self._invoke(name, function, [self._argument(t, dot) for t in rest], final, term)

    def _called(self, value: Any, term: Field | Variable | Chain) -> Any:
        """A method named without arguments is called."""
        if not callable(value):
            return value
        name = term.names[-1] if term.names else "method"
        self._check_count(name, value, 0)
        return self._invoke(name, value, [], _ABSENT, term)

    def _check_count(self, name: str, function: Callable[..., Any], count: int) -> None:
        if not _accepts(function, count):
            raise self._error(f"wrong number of args for {name}: want {_wanted(function)} got {count}")

    def _invoke(self, name: str, function: Callable[..., Any], args: list[Any], final: Any, whole: Told) -> Any:
        cause: Exception
        try:
            made = function(*(args if final is _ABSENT else [*args, final]))
            if isinstance(made, str) and len(made) > self._bounds.output:
                raise TemplateError(f"more than {self._bounds.output} characters")
            return made
        except TemplateError as error:
            reason, cause = error.reason, error
        except OpsctlError as error:
            reason, cause = error.message, error
        except (TypeError, ValueError, AttributeError, ArithmeticError, LookupError) as error:
            reason, cause = str(error), error
        self._node = whole
        raise self._error(f"error calling {name}: {reason}") from cause

    def _fields(self, value: Any, term: Field | Variable | Chain) -> Any:
        for name in term.names:
            value = self._field(self._called(value, term), name)
        return value

    def _field(self, value: Any, name: str) -> Any:
        reach = getattr(value, "template_fields", None)
        if reach is not None:
            fields: Mapping[str, Any] = reach()
            if name in fields:
                return fields[name]
        if isinstance(value, Mapping):
            return value.get(name, "")
        if value is None:
            raise self._error(f"nil data; no entry for key {name!r}")
        raise self._error(f"can't evaluate field {name} in type {go_type(value)}")

    # -- variables

    def _variable(self, term: Variable) -> Any:
        for name, value in reversed(self._variables):
            if name == term.name:
                return value
        raise self._error(f"undefined variable: {term.name}")

    def _set_declared(self, name: str, value: Any) -> None:
        self._variables.append((name, value))

    def _assign(self, name: str, value: Any) -> None:
        for index in range(len(self._variables) - 1, -1, -1):
            if self._variables[index][0] == name:
                self._variables[index] = (name, value)
                return
        raise self._error(f"undefined variable: {name}")

    # -- bounds

    def _step(self) -> None:
        self._steps += 1
        if self._steps > self._bounds.steps:
            raise self._error(f"more than {self._bounds.steps} steps")

    def _write(self, text: str) -> None:
        self._size += len(text)
        if self._size > self._bounds.output:
            raise self._error(f"more than {self._bounds.output} characters of output")
        self._out.append(text)

    def _error(self, reason: str) -> TemplateError:
        if self._node is None:
            return TemplateError(reason, self._name)
        line, column = self._node.place
        at = f"{column}: executing {quoted(self._executing)} at <{written(self._node)}>:"
        return TemplateError(reason, self._name, line, at=at)


def _printed(value: Any) -> str:
    return "<no value>" if value is None else go_text(value)


def _accepts(function: Callable[..., Any], count: int) -> bool:
    code = getattr(function, "__code__", None)
    if code is None or code.co_kwonlyargcount:
        return _binds(function, count)
    given = count + (getattr(function, "__self__", None) is not None)
    least = code.co_argcount - len(getattr(function, "__defaults__", None) or ())
    return given >= least and (given <= code.co_argcount or bool(code.co_flags & inspect.CO_VARARGS))


def _binds(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # a function without a signature
        return True
    return True


def _wanted(function: Callable[..., Any]) -> str:
    """How many arguments it takes, as Go says it."""
    kinds = [each.kind for each in inspect.signature(function).parameters.values()]
    several = inspect.Parameter.VAR_POSITIONAL in kinds
    return f"at least {len(kinds) - 1}" if several else str(len(kinds))
