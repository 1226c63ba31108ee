"""What the endpoints and loops of payments share."""

from __future__ import annotations

from dataclasses import dataclass

from platform_app.payments.figures import Figures
from platform_app.payments.gateway import Gateway


@dataclass(frozen=True)
class Room:
    """The way to the channels, and the figures."""

    gateway: Gateway
    figures: Figures
