"""`python -m platform_app.payments`"""

from __future__ import annotations

from platform_app.kit.service import serve
from platform_app.payments.app import create

if __name__ == "__main__":
    serve("payments", create)
