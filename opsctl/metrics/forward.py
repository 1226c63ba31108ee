"""Batches on their way to a remote: external labels, write relabelling, and into its outgoing buffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsctl.metrics.outgoing import Outgoing
from opsctl.metrics.remote_protocol import encoded_instant
from opsctl.model.batch import Batch
from opsctl.model.labels import Labels
from opsctl.relabel import Rule, relabel

_Fitted = tuple[list[int] | None, list[Labels]]
_SOURCES = 10_000


class Forward:
    """Puts batches into one buffer in requests of at most `most_samples`. Labels are rewritten once a series."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        self._external: Mapping[str, str] = {}
        self._rules: Sequence[Rule] = ()
        self._most = 2000
        self._known: dict[str, tuple[tuple[Labels, ...], _Fitted]] = {}
        self.dropped = 0
        """Samples left out by relabelling."""

    def configure(self, external: Mapping[str, str], rules: Sequence[Rule], most_samples: int) -> None:
        self._external, self._rules, self._most = dict(external), rules, most_samples
        self._known = {}

    def take(self, batches: Sequence[Batch]) -> None:
        """Puts the batches' samples into the buffer, in order."""
        for batch in batches:
            places, labels = self._fitted(batch)
            values = batch.values if places is None else batch.values[places]
            self.dropped += len(batch.values) - len(values)
            for first in range(0, len(labels), self._most):
                part = labels[first : first + self._most]
                request = encoded_instant(part, batch.at_ms, values[first : first + self._most])
                self._outgoing.put(request, len(part), batch.at_ms)

    def _fitted(self, batch: Batch) -> _Fitted:
        known = self._known.get(batch.source)
        if known is not None and known[0] is batch.labels:
            return known[1]
        found = [self._rewritten(labels) for labels in batch.labels]
        kept = [i for i, labels in enumerate(found) if labels]
        fitted = (None if len(kept) == len(found) else kept, [labels for labels in found if labels])
        if len(self._known) >= _SOURCES:
            self._known.clear()
        self._known[batch.source] = (batch.labels, fitted)
        return fitted

    def _rewritten(self, labels: Labels) -> Labels | None:
        """A series' own labels win over external ones; None when a step drops it."""
        if not self._external and not self._rules:
            return labels
        changed = relabel({**self._external, **labels}, self._rules)
        return Labels(changed) if changed else None
