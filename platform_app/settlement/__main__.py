"""`python -m platform_app.settlement`"""

from __future__ import annotations

from platform_app.kit.service import serve
from platform_app.settlement.app import create

if __name__ == "__main__":
    serve("settlement", create)
