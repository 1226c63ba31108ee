"""`python -m platform_app.messages`"""

from __future__ import annotations

from platform_app.kit.service import serve
from platform_app.messages.app import create

if __name__ == "__main__":
    serve("messages", create)
