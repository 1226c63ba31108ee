"""A node as the template would have it, for errors. Source: text/template/parse/node.go."""

from __future__ import annotations

from opsctl.gotemplate.nodes import Chain, Command, Constant, Dot, Field, Function, Include, Nil, Pipe, Variable
from opsctl.gotemplate.text import quoted

Told = Dot | Nil | Constant | Field | Variable | Chain | Function | Command | Pipe | Include
"""The nodes that an error can be at."""


def written(node: Told) -> str:
    """The node's text, with one space where there may be several."""
    match node:
        case Dot():
            return "."
        case Nil():
            return "nil"
        case Constant():
            return node.text
        case Function():
            return node.name
        case Field():
            return _fields(node.names)
        case Variable():
            return node.name + _fields(node.names)
        case Chain():
            return _argument(node.node) + _fields(node.names)
        case Command():
            return " ".join(map(_argument, node.args))
        case Pipe():
            return _declared(node) + " | ".join(map(written, node.commands))
        case Include():
            return f"{{{{template {quoted(node.name)}{f' {written(node.pipe)}' if node.pipe else ''}}}}}"


def _fields(names: tuple[str, ...]) -> str:
    return "".join(f".{name}" for name in names)


def _argument(node: Told) -> str:
    return f"({written(node)})" if isinstance(node, Pipe) else written(node)


def _declared(pipe: Pipe) -> str:
    return f"{', '.join(pipe.declared)} {'=' if pipe.assigns else ':='} " if pipe.declared else ""
