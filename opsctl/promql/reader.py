"""Where the grammar stands in the tokens, and how it refuses one."""

from __future__ import annotations

from opsctl.promql.errors import PromqlParseError
from opsctl.promql.lexer import Kind, Token
from opsctl.promql.literals import duration_ms, number


class Reader:
    """One token ahead. Every refusal is a PromqlParseError at the token's place."""

    def __init__(self, text: str, found: list[Token]) -> None:
        self._text = text
        self._tokens = found
        self._at = 0

    @property
    def token(self) -> Token:
        """The next token; what the lexer found wrong is told when it is reached."""
        found = self._tokens[self._at]
        if found.kind == "error":
            raise self.refuse(found.text, found.position)
        return found

    @property
    def after(self) -> Token:
        """The token behind the next one."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        found = self.token
        self._at += found.kind != "end of input"
        return found

    @property
    def ended(self) -> bool:
        return self.token.kind == "end of input"

    def is_mark(self, *marks: str) -> bool:
        return self.token.kind == "punctuation" and self.token.text in marks

    def is_operator(self, *operators: str) -> bool:
        return self.token.kind == "operator" and self.token.text in operators

    def is_word(self, *words: str) -> bool:
        return self.token.kind == "keyword" and self.token.text.lower() in words

    def accept(self, kind: Kind, word: str) -> bool:
        """Takes the next token if it is this one."""
        met = self.token.kind == kind and self.token.text.lower() == word
        self._at += met
        return met

    def expect(self, mark: str, context: str, expected: str = "") -> Token:
        if not self.is_mark(mark):
            raise self.unexpected(context, expected)
        return self.take()

    def value(self, token: Token) -> float:
        """The value of a number, or the seconds of a duration."""
        try:
            return number(token.text) if token.kind == "number" else duration_ms(token.text) / 1000
        except ValueError as error:
            spoken = f"error parsing number: {error}" if token.kind == "number" else str(error)
            raise self.refuse(spoken, token.position) from None

    def refuse(self, reason: str, position: int) -> PromqlParseError:
        return PromqlParseError(reason, self._text, position)

    def unexpected(self, context: str = "", expected: str = "") -> PromqlParseError:
        """The next token cannot stand here: in what, and what could."""
        within = f" in {context}" if context else ""
        wanted = f", expected {expected}" if expected else ""
        return self.refuse(f"unexpected {self.token.described()}{within}{wanted}", self.token.position)
