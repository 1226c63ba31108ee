"""A platform's home in a scratch folder: keys, configuration on free ports."""

from __future__ import annotations

import atexit
import shutil
import socket
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from platform_app.kit.config import ConfigFolder
from platform_app.sandbox.keys import make_keys

TEMPLATE = Path(__file__).parents[3] / "deploy" / "local" / "platform.yml"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def make_home(home: Path, **changes: Any) -> ConfigFolder:
    """The configuration of deploy/local on free ports; `changes` are sections to be merged in."""
    secrets = home / "booking" / "secrets"
    shutil.copytree(_keys(), secrets)
    (secrets / "jwt_secret").write_text("j" * 40)
    (secrets / "internal_token").write_text("i" * 40)
    data = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8").replace("${home}", str(home)))
    ports = iter(free_ports(20))

    def place() -> str:
        return f"127.0.0.1:{next(ports)}"

    data["services"] = {name: place() for name in data["services"]}
    places = ("listen", "primary_listen", "standby_listen", "admin_listen")
    data["sandbox"] |= {key: place() for key in (*places, "alipay_primary_listen", "alipay_standby_listen")}
    data["edge"] |= {"listen": place(), "admin_listen": place()}
    data["traffic"]["listen"] = place()
    data["sms"]["endpoint"] = data["sandbox"]["listen"]
    data["payments"]["hosts"] = {name: f"http://{data['sandbox'][f'{name}_listen']}" for name in ("primary", "standby")}
    data["payments"]["notify_url"] = f"http://{data['services']['payments']}/api/v1/payments/wechat/notify"
    data["payments"]["alipay"] |= {
        "hosts": {name: f"http://{data['sandbox'][f'alipay_{name}_listen']}" for name in ("primary", "standby")},
        "notify_url": f"http://{data['services']['payments']}/api/v1/payments/alipay/notify",
    }
    for name, section in changes.items():
        data[name] = data[name] | section if isinstance(section, dict) else section
    return write_version(home / "booking" / "config", data, 1)


@cache
def _keys() -> Path:
    """Keys made once for all homes of this run; making RSA keys takes a while."""
    folder = Path(tempfile.mkdtemp(prefix="platform-keys-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make_keys(folder)
    return folder


def write_version(folder: Path, data: dict[str, Any], number: int) -> ConfigFolder:
    """Writes a version and puts it in force, as the shell does."""
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    (folder / "versions" / f"{number:04d}.yml").write_text(yaml.safe_dump(data, allow_unicode=True))
    part = folder / ".current"
    part.write_text(f"{number:04d}\n")
    part.rename(folder / "current")
    return ConfigFolder(folder)


def change(folder: ConfigFolder, section: str, **values: Any) -> None:
    """Puts a changed copy of the version in force; services take it within a second."""
    number = int((folder.path / "current").read_text()) + 1
    data = yaml.safe_load((folder.path / "versions" / f"{number - 1:04d}.yml").read_text())
    data[section] |= values
    write_version(folder.path, data, number)
