"""`python -m bench.unguarded`: the orders service as it is, but nobody's login is checked. Only for measuring."""

from __future__ import annotations

from platform_app.kit.auth import principal
from platform_app.kit.process import bind, open_folder, run
from platform_app.kit.tokens import Principal
from platform_app.orders.app import create


async def anybody() -> Principal:
    """A customer, whoever asks."""
    return Principal(1, "customer")


if __name__ == "__main__":
    folder = open_folder("orders")
    sock = bind("orders", folder.config.services["orders"])
    app = create(folder)
    app.dependency_overrides[principal] = anybody
    run(app, sock)
