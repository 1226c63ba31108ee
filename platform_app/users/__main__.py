"""`python -m platform_app.users`"""

from __future__ import annotations

from platform_app.kit.service import serve
from platform_app.users.app import create

if __name__ == "__main__":
    serve("users", create)
