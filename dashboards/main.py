"""python -m streamlit run dashboards/main.py: the three pages.

Environment: OPSCTL_URL (the operations API), OPSCTL_TOKEN_FILE (a viewer's token), and, where the pages are served to
other machines, OPSCTL_DASHBOARD_PASSWORD_FILE (without it a token of the operations API lets in).
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]  # `streamlit run FILE` knows only the file's own folder

from dashboards.app import main  # noqa: E402

main()
