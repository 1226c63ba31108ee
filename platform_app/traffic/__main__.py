"""`python -m platform_app.traffic`"""

from __future__ import annotations

from platform_app.kit.service import bind, open_folder, run
from platform_app.traffic.app import create

if __name__ == "__main__":
    folder = open_folder("traffic")
    run(create(folder), bind("traffic", folder.config.traffic.listen))
