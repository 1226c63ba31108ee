"""`python -m platform_app.orders`"""

from __future__ import annotations

from platform_app.kit.service import serve
from platform_app.orders.app import create

if __name__ == "__main__":
    serve("orders", create)
