"""`python -m opsctl` is `opsctl`."""

from opsctl.cli.main import main

main()
