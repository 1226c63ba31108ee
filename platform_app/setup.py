"""Makes the platform ready on a machine: `python -m platform_app.setup --config-folder DIR --from FILE --home HOME`.

Secrets, configuration version 0001, object folder, schema, seed, the ledger's opening. Running it again changes nothing that is there.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from pathlib import Path
from string import Template

from platform_app.kit.config import ConfigError, ConfigFolder, PlatformConfig, parse_config
from platform_app.kit.migrate import upgrade
from platform_app.opening import open_books
from platform_app.sandbox.keys import make_keys
from platform_app.seed.write import seed


def main() -> int:
    """Exit code 0 when all is ready, 1 when the configuration is wrong."""
    parser = argparse.ArgumentParser(prog="python -m platform_app.setup", description=__doc__)
    parser.add_argument("--config-folder", type=Path, required=True, help="the versioned configuration folder")
    parser.add_argument("--from", dest="source", type=Path, required=True, help="the first version, with ${home} in it")
    parser.add_argument("--home", type=Path, required=True, help="the state folder that ${home} stands for")
    asked = parser.parse_args()
    try:
        prepare(asked.config_folder, asked.source, asked.home.resolve())
    except ConfigError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


def prepare(folder: Path, source: Path, home: Path, *, with_seed: bool = True) -> PlatformConfig:
    """All steps; prints a line for each. Raises ConfigError."""
    started = time.monotonic()
    config = first_version(folder, source, home)
    print(f"configuration: version {config.version:04d} in {folder}")
    make_secrets(config)
    print(f"secrets: in {home / 'booking' / 'secrets'}")
    (Path(config.storage.folder) / "tmp").mkdir(parents=True, exist_ok=True)
    print(f"objects: {config.storage.folder}")
    if config.database_url.startswith("sqlite:///"):
        Path(config.database_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    upgrade(config.database_url)
    print("database: schema is up to date")
    if with_seed and not seed(config.database_url, int(time.time()), print):
        print("seed: people are there already, nothing written")
    print(f"ledger: {open_books(config, int(time.time()))} payments from before it taken in")
    print(f"ready after {time.monotonic() - started:.1f} s")
    return config


def first_version(folder: Path, source: Path, home: Path) -> PlatformConfig:
    """The version in force; version 0001 is made from `source` when there is none."""
    if not (folder / "current").exists():
        try:
            text = Template(source.read_text(encoding="utf-8")).safe_substitute(home=str(home))
        except OSError as error:
            raise ConfigError(f"{source} cannot be read: {error}") from error
        parse_config(text, 1, str(source))
        (folder / "versions").mkdir(parents=True, exist_ok=True)
        _write_whole(folder / "versions" / "0001.yml", text)
        _write_whole(folder / "current", "0001\n")
    return ConfigFolder(folder).config


def make_secrets(config: PlatformConfig) -> None:
    """The platform's own secrets and those it shares with third parties; what is there stays."""
    make_keys(Path(config.sandbox.secrets_folder))
    for name in (config.jwt.secret_file, config.internal.token_file):
        if not Path(name).exists():
            Path(name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_whole(Path(name), secrets.token_urlsafe(48), 0o600)


def _write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


if __name__ == "__main__":
    sys.exit(main())
