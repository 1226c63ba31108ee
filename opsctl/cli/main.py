"""The command line's door: one table noun → module, the noun asked for imported alone."""

from __future__ import annotations

import difflib
import os
import sys
from typing import NoReturn

from opsctl import __version__

NOUNS: dict[str, tuple[str, str]] = {
    # noun: (module under opsctl.cli, help)
    "init": ("init", "Write a commented configuration for this host."),
    "setup": ("setup", "Make the state folder and seed data (make up does this)."),
    "up": ("up", "Start everything and wait until it is healthy."),
    "down": ("up", "Drain deliveries, stop everything, keep data."),
    "status": ("status", "What runs, how it is, and the disk it uses."),
    "doctor": ("doctor", "Find and explain what is wrong on this machine."),
    "reload": ("status", "Load all documents again."),
    "config": ("config", "Check, show or describe the configuration."),
    "gameday": ("gameday", "Break something and watch the product mend it."),
    "collect": ("collect", "Run one collector and print what it measures."),
    "targets": ("targets", "What is scraped, and how it went."),
    "query": ("query", "Evaluate a PromQL expression."),
    "metrics": ("metrics", "Export and import samples; what takes the store's space."),
    "rules": ("rules", "Check, test and evaluate rule files."),
    "prometheus": ("prometheus", "The metrics process alone, with Prometheus' flags."),
    "alertmanager": ("alertmanager", "The alerting process alone, with Alertmanager's flags."),
    "ops": ("ops", "The operations process alone, in the foreground."),
    "alerts": ("alerts", "List, show and acknowledge alerts."),
    "alertconfig": ("alertconfig", "Check alertmanager.yml and its templates."),
    "silences": ("silences", "What is silenced; add, preview, expire."),
    "routes": ("routes", "Which receiver hears of what, and why."),
    "oncall": ("oncall", "Who is on call, who is next, who takes over."),
    "receivers": ("receivers", "List receivers, send a test message."),
    "deliveries": ("deliveries", "What was sent, refused, retried."),
    "incidents": ("incidents", "List, show, annotate incidents; write reports."),
    "runbook": ("runbook", "Check, show, run, approve, resume runbooks."),
    "logs": ("logs", "Search and follow the logs."),
    "backup": ("backup", "Run, list, drill backups."),
    "user": ("user", "Tokens and roles."),
    "audit": ("audit", "Who did what."),
}


def main(argv: list[str] | None = None) -> None:
    """Runs `opsctl …`; exits 0 done, 1 found something wrong, 2 wrong use, 3 could not reach what it needs."""
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in ("--help", "-h", "help"):
        _help()
        sys.exit(0 if args else 2)
    if args[0] in ("--version", "-V"):
        print(f"opsctl {__version__}")
        sys.exit(0)
    if args[0] in ("--show-completion", "--complete"):
        _complete(args)
    if args[0] not in NOUNS:
        _unknown(args[0])
    from opsctl.cli.run import run_noun

    run_noun(args[0], NOUNS[args[0]][0], args[1:])


def _complete(args: list[str]) -> NoReturn:
    from opsctl.cli.completion import candidates, show

    if args[0] == "--complete":
        print("\n".join(candidates(args[1:])))
    else:
        print(show(args[1] if len(args) > 1 else os.path.basename(os.environ.get("SHELL", "bash"))))
    sys.exit(0)


def _help() -> None:
    print("Usage: opsctl NOUN VERB [ARGS]…\n\nKeeps an online booking business running.\n\nNouns:")
    for noun, (_, text) in NOUNS.items():
        print(f"  {noun:<13} {text}")
    print(
        "\nEvery command takes --help, most take --json. --config FILE names another opsctl.yml.\n"
        'Completion: eval "$(opsctl --show-completion bash)"\n'
        "Exit: 0 done, 1 found something wrong, 2 wrong use, 3 could not reach what it needs.\n\n"
        "Example:\n  opsctl status\n  opsctl gameday run payment-outage"
    )


def _unknown(word: str) -> NoReturn:
    near = difflib.get_close_matches(word, NOUNS, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else " (see: opsctl --help)"
    print(f"opsctl: no command {word!r}{hint}", file=sys.stderr)
    sys.exit(2)
