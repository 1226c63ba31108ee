"""`python -m platform_app.catalog`"""

from __future__ import annotations

from platform_app.catalog.app import create
from platform_app.kit.service import serve

if __name__ == "__main__":
    serve("catalog", create)
