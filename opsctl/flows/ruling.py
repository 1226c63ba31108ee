"""samples → rules → samples and alerts."""

from __future__ import annotations

from opsctl.scrape.config import PrometheusConfig


class Ruler:
    """Evaluates the rule groups of a configuration."""

    def load(self, config: PrometheusConfig) -> tuple[object, ...]:
        """The groups of all rule files."""
        return ()

    def apply(self, groups: tuple[object, ...], config: PrometheusConfig) -> None:
        """Takes groups whole."""

    async def stop(self) -> None:
        """Ends every loop."""
