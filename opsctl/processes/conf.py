"""supervisor's configuration from a plan. Pure. Source: supervisord.org/configuration.html."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from opsctl.model.inventory import Process

_MAIN = """\
; Written by opsctl up: changes here are lost.
[supervisord]
logfile={run}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile={run}/supervisord.pid
childlogdir={run}
directory={directory}
nodaemon=false
silent=true
minfds=4096
environment={environment}

[unix_http_server]
file={run}/supervisor.sock
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{run}/supervisor.sock
"""

_PROGRAM = """
[program:{name}]
command={command}
environment={environment}
priority={priority}
autorestart=true
startsecs={startsecs}
startretries={startretries}
stopwaitsecs={stopwaitsecs}
stopasgroup=true
killasgroup=true
stdout_logfile={run}/{name}.out.log
redirect_stderr=true
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=2
"""


def render(processes: Iterable[Process], run: Path, directory: Path, environment: Mapping[str, str]) -> str:
    """The configuration file. Programs start in the order given."""
    text = _MAIN.format(run=_plain(str(run)), directory=_plain(str(directory)), environment=_environment(environment))
    return text + "".join(_program(p, run, number) for number, p in enumerate(processes))


def _program(process: Process, run: Path, number: int) -> str:
    return _PROGRAM.format(
        name=process.name,
        command=_plain(shlex.join(process.command)),
        environment=_environment(process.environment),
        priority=100 + number,
        startsecs=process.startsecs,
        startretries=process.startretries,
        stopwaitsecs=process.stopwaitsecs,
        run=_plain(str(run)),
    )


def _plain(text: str) -> str:
    """supervisor expands %(name)s: a % that is meant must be doubled."""
    return text.replace("%", "%%")


def _environment(values: Mapping[str, str]) -> str:
    return ",".join(f'{k}="{_plain(v).replace(chr(34), chr(92) + chr(34))}"' for k, v in values.items())
