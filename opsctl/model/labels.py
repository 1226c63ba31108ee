"""Labels: a sorted, hashable set of name → value. What a series, rule or alert is known by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

METRIC_NAME = "__name__"
_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


class Labels(Mapping[str, str]):
    """An immutable label set, sorted by name; empty values do not exist, as in Prometheus."""

    __slots__ = ("_dict", "_hash", "_print", "pairs")

    pairs: tuple[tuple[str, str], ...]

    def __init__(self, labels: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        items: Iterable[tuple[str, str]]
        if isinstance(labels, dict):  # far the most frequent, and fast
            items = labels.items()
        else:
            items = labels.items() if isinstance(labels, Mapping) else labels
        self.pairs = tuple(sorted([p for p in items if p[1] != ""]))
        self._dict = dict(self.pairs)
        self._hash = hash(self.pairs)
        self._print = ""

    @classmethod
    def with_empty(cls, labels: Mapping[str, str]) -> Labels:
        """As annotations are: an empty value is a value."""
        made = cls()
        made.pairs = tuple(sorted(labels.items()))
        made._dict, made._hash = dict(made.pairs), hash(made.pairs)
        return made

    def __getitem__(self, name: str) -> str:
        return self._dict[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._dict)

    def __len__(self) -> int:
        return len(self._dict)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self.pairs == other.pairs if isinstance(other, Labels) else NotImplemented

    def __lt__(self, other: Labels) -> bool:
        return self.pairs < other.pairs

    def __repr__(self) -> str:
        return f"Labels({self})"

    def __str__(self) -> str:
        """As Prometheus prints a series: `up{instance="a"}`."""
        inner = ", ".join(f"{k}={quote(v)}" for k, v in self.pairs if k != METRIC_NAME)
        name = self._dict.get(METRIC_NAME, "")
        return f"{name}{{{inner}}}" if inner or not name else name

    @property
    def plain(self) -> Mapping[str, str]:
        """The same as a plain dict, in order of names; not to be changed."""
        return self._dict

    @property
    def name(self) -> str:
        """The metric's name, or ''."""
        return self._dict.get(METRIC_NAME, "")

    def get_or_empty(self, name: str) -> str:
        return self._dict.get(name, "")

    def merged(self, other: Mapping[str, str]) -> Labels:
        """These labels with `other` on top; an empty value removes a label."""
        return Labels({**self._dict, **other})

    def without(self, names: Iterable[str]) -> Labels:
        drop = set(names)
        return Labels([p for p in self.pairs if p[0] not in drop])

    def only(self, names: Iterable[str]) -> Labels:
        keep = set(names)
        return Labels([p for p in self.pairs if p[0] in keep])

    def fingerprint(self) -> str:
        """16 hex digits of FNV-1a over the sorted set. Source: prometheus/common model.LabelsToSignature."""
        if not self._print:
            self._print = _fingerprint(self.pairs)
        return self._print


def _fingerprint(pairs: tuple[tuple[str, str], ...]) -> str:
    value = _OFFSET
    for byte in b"".join([b"%b\xff%b\xff" % (name.encode(), label.encode()) for name, label in pairs]):
        value = ((value ^ byte) * _PRIME) & _MASK
    return f"{value:016x}"


def quote(text: str) -> str:
    """A double-quoted string as Go prints it with %q, for the characters that matter here."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
