"""`python -m platform_app.providers`"""

from __future__ import annotations

from platform_app.kit.service import serve
from platform_app.providers.app import create

if __name__ == "__main__":
    serve("providers", create)
