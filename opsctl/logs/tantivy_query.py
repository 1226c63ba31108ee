"""The schema of a day's index, and the query tree as Tantivy queries."""

from __future__ import annotations

import re

import tantivy
from tantivy import FieldType, Filter, Occur, TextAnalyzerBuilder, Tokenizer
from tantivy import Query as TantivyQuery

from opsctl.logs.query import TIME, All, Any, Between, Everything, Has, Match, No, Query

WORDS = "words"
_COLUMNS = {"log.level": "level", "service.name": "service", "trace.id": "trace_id", "message": "message"}
_RAW = ("level", "service", "trace_id")

# Words as Elasticsearch's standard tokenizer cuts them (Unicode UAX #29, rules WB5 to WB13): letters and digits
# together, on over . ' : between two letters and over . , ; between two digits; Han and hiragana one by one.
_MARKS = r"[\p{wb=Extend}\p{wb=Format}\p{wb=ZWJ}]*"
_LETTERS = rf"(?:[\p{{wb=ALetter}}\p{{wb=Hebrew_Letter}}]{_MARKS})+"
_DIGITS = rf"(?:\p{{wb=Numeric}}{_MARKS})+"
_JOIN = rf"(?:\p{{wb=ExtendNumLet}}{_MARKS})"
_LETTER_RUN = rf"{_LETTERS}(?:[\p{{wb=MidLetter}}\p{{wb=MidNumLet}}']{_MARKS}{_LETTERS})*"
_DIGIT_RUN = rf"{_DIGITS}(?:[\p{{wb=MidNum}}\p{{wb=MidNumLet}}']{_MARKS}{_DIGITS})*"
_KATAKANA = rf"(?:\p{{wb=Katakana}}{_MARKS})+"
_RUN = f"(?:{_LETTER_RUN}|{_DIGIT_RUN})"
_WORD = rf"[\p{{Han}}\p{{Hiragana}}]{_MARKS}|{_JOIN}*(?:{_RUN}|{_KATAKANA})(?:{_RUN}|{_JOIN}+(?:{_RUN}|{_KATAKANA})?)*"
ANALYZER = (
    TextAnalyzerBuilder(Tokenizer.regex(_WORD)).filter(Filter.lowercase()).filter(Filter.remove_long(255)).build()
)


def build_schema() -> tantivy.Schema:
    """id, at (epoch milliseconds), the ECS columns, all other values as words, fields by name, the line as JSON."""
    made = tantivy.SchemaBuilder()
    made.add_text_field("id", tokenizer_name="raw", index_option="basic")
    made.add_integer_field("at", stored=True, indexed=True, fast=True)
    for name in _RAW:
        made.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    made.add_text_field("message", tokenizer_name=WORDS)
    made.add_text_field(WORDS, tokenizer_name=WORDS)
    made.add_json_field("fields", fast=True, tokenizer_name=WORDS, expand_dots_enabled=True)
    made.add_bytes_field("source", stored=True)
    return made.build()


def register(index: tantivy.Index) -> None:
    """Makes our tokenizer known to an index."""
    index.register_tokenizer(WORDS, ANALYZER)
    index.register_fast_field_tokenizer(WORDS, ANALYZER)


def compile_query(query: Query, schema: tantivy.Schema, since: int, until: int) -> TantivyQuery:
    """The tree as a Tantivy query over lines with since ≤ at < until (epoch milliseconds)."""
    window = TantivyQuery.range_query(schema, "at", FieldType.Integer, since, until, include_upper=False)
    return TantivyQuery.boolean_query([(Occur.Must, _compile(query, schema)), (Occur.Must, window)])


def _compile(query: Query, schema: tantivy.Schema) -> TantivyQuery:
    if isinstance(query, Everything):
        return TantivyQuery.all_query()
    if isinstance(query, All):
        return TantivyQuery.boolean_query([(Occur.Must, _compile(p, schema)) for p in query.parts])
    if isinstance(query, Any):
        return _any([_compile(p, schema) for p in query.parts])
    if isinstance(query, No):
        every = (Occur.Must, TantivyQuery.all_query())
        return TantivyQuery.boolean_query([every, (Occur.MustNot, _compile(query.part, schema))])
    if isinstance(query, Has):
        return _has(query.field, schema)
    if isinstance(query, Between):
        return _between(query, schema)
    return _match(query, schema)


def _any(parts: list[TantivyQuery]) -> TantivyQuery:
    return TantivyQuery.boolean_query([(Occur.Should, p) for p in parts])


def _match(query: Match, schema: tantivy.Schema) -> TantivyQuery:
    if not query.field:
        return _any([_words(schema, name, query) for name in ("message", WORDS)])
    column = _COLUMNS.get(query.field)
    if column in _RAW:
        if query.prefix:
            return TantivyQuery.regex_query(schema, column, re.escape(query.text) + ".*")
        return TantivyQuery.term_query(schema, column, query.text)
    if column:
        return _words(schema, column, query)
    name = f"fields.{query.field}"
    return _any([_words(schema, name, query), *(_typed(schema, name, query.text) if not query.prefix else ())])


def _words(schema: tantivy.Schema, name: str, query: Match) -> TantivyQuery:
    words: list[str | tuple[int, str]] = list(ANALYZER.analyze(query.text))
    if not words:
        return TantivyQuery.empty_query()
    if query.prefix:
        return TantivyQuery.phrase_prefix_query(schema, name, words)
    if len(words) == 1:
        return TantivyQuery.term_query(schema, name, str(words[0]))
    return TantivyQuery.phrase_query(schema, name, words)


def _typed(schema: tantivy.Schema, name: str, text: str) -> list[TantivyQuery]:
    """The same value as a number or truth value, as a JSON document may hold it."""
    if text in ("true", "false"):
        return [TantivyQuery.term_query(schema, name, text == "true")]
    try:
        number = float(text)
    except ValueError:
        return []
    whole = [TantivyQuery.term_query(schema, name, int(number))] if number.is_integer() and abs(number) < 2**63 else []
    return [*whole, TantivyQuery.term_query(schema, name, number)]


def _has(field: str, schema: tantivy.Schema) -> TantivyQuery:
    if field in (TIME, "message"):
        return TantivyQuery.all_query()
    return TantivyQuery.exists_query(_COLUMNS.get(field, f"fields.{field}"), json_subpaths=field not in _COLUMNS)


def _between(query: Between, schema: tantivy.Schema) -> TantivyQuery:
    if query.field == TIME:
        low, high = (None if b is None else round(b * 1000) for b in (query.low, query.high))
        return TantivyQuery.range_query(
            schema, "at", FieldType.Integer, low, high, include_lower=query.with_low, include_upper=query.with_high
        )
    if query.field in _COLUMNS:
        return TantivyQuery.empty_query()
    bounds = ((">=" if query.with_low else ">", query.low), ("<=" if query.with_high else "<", query.high))
    sides = [_side(schema, query.field, sign, bound) for sign, bound in bounds if bound is not None]
    if not sides:
        return _has(query.field, schema)
    return TantivyQuery.boolean_query([(Occur.Must, side) for side in sides])


def _side(schema: tantivy.Schema, field: str, sign: str, bound: float) -> TantivyQuery:
    """A range open on one side, made by Tantivy's own parser: its Query.range_query knows no JSON paths, and two
    bounds of different number types make 0.27 panic."""
    name = re.sub(r"([^\w.])", r"\\\1", field)
    text = str(int(bound)) if bound.is_integer() else repr(bound)
    return tantivy.Index(schema).parse_query(f"fields.{name}:{sign}{text}", [WORDS])
