"""opsctl ops: the operations process in the foreground."""

from __future__ import annotations

import typer

from opsctl.app.ops import build_ops
from opsctl.cli.output import ConfigFile
from opsctl.core.log import configure
from opsctl.core.settings import load_settings
from opsctl.serve import serve

ops_app = typer.Typer(help="The operations process alone, in the foreground.")


@ops_app.command()
def ops(config: ConfigFile = None) -> None:
    """Incidents, runbooks, logs, backups, the operations API, until SIGTERM; SIGHUP loads the runbooks again.

    Example: opsctl ops --config opsctl.yml
    """
    settings = load_settings(config)
    configure("opsctl-ops", settings.home_path / "logs" / "ops.json.log")
    serve(build_ops(settings), settings.listen.ops, "listen.ops in opsctl.yml", "ops")
