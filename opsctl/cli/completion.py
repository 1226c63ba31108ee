"""Shell completion: nouns from the table, each noun's verbs from its typer application."""

from __future__ import annotations

from typing import Any

import typer

from opsctl.cli.main import NOUNS
from opsctl.cli.run import load_app
from opsctl.core.errors import UsageError

_BASH = """\
_opsctl() {
    local words="${COMP_WORDS[*]:1:COMP_CWORD-1}"
    COMPREPLY=($(compgen -W "$(opsctl --complete $words 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _opsctl opsctl
"""
_SCRIPTS = {
    "bash": _BASH,
    "zsh": "autoload -Uz bashcompinit && bashcompinit\n" + _BASH,
    "fish": "complete -c opsctl -f -a '(opsctl --complete (commandline -opc)[2..])'\n",
}


def show(shell: str) -> str:
    """The script that a shell evaluates. Raises UsageError for a shell that we do not know."""
    if shell not in _SCRIPTS:
        raise UsageError(f"no completion for {shell!r}", f"one of: {', '.join(_SCRIPTS)}")
    return _SCRIPTS[shell]


def candidates(words: list[str]) -> list[str]:
    """What may follow `opsctl WORDS…`: nouns, then verbs, then options."""
    if not words:
        return list(NOUNS)
    if words[0] not in NOUNS:
        return []
    command: Any = typer.main.get_command(load_app(words[0], NOUNS[words[0]][0]))
    verbs: dict[str, Any] = getattr(command, "commands", {})
    if verbs and (len(words) < 2 or words[1] not in verbs):
        return list(verbs)
    command = verbs.get(words[1], command) if len(words) > 1 else command
    return [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
