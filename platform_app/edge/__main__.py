"""`python -m platform_app.edge`"""

from __future__ import annotations

from platform_app.edge.app import Edge
from platform_app.kit.log import Log
from platform_app.kit.process import bind, open_folder, run

if __name__ == "__main__":
    folder = open_folder("edge")
    address = folder.config.edge.listen
    sock = bind("edge", address, "edge.listen")
    Log("platform.edge").info("service.started", address=address, version=folder.config.version)
    run(Edge(folder), sock)
