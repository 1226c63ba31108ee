"""`python -m bench [NAME…]`: runs the named measurements, or all, and prints one Markdown row each."""

from __future__ import annotations

import argparse
import importlib

NAMES = (
    "start", "rest", "alert", "alertmanager", "booking", "promql", "scaling", "flip", "blocks", "scrape", "remote_write",
    "storm",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which to run (default: all)")
    for name in parser.parse_args().names or NAMES:
        print(f"\n## {name}\n", flush=True)
        importlib.import_module(f"bench.{name}").run()


main()
