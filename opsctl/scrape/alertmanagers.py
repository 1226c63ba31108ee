"""Alertmanagers out of target groups. Source: Prometheus, notifier AlertmanagerFromGroup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opsctl.model.labels import Labels
from opsctl.relabel import relabel
from opsctl.scrape.config import AlertmanagerConfig, StaticConfig
from opsctl.scrape.target import check_address


@dataclass(frozen=True)
class Found:
    """The URLs that alerts are posted to, those that relabelling dropped, and what is wrong with the others."""

    urls: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


def alertmanagers(config: AlertmanagerConfig, groups: Iterable[StaticConfig]) -> Found:
    """Each address with the scheme and path of its entry, after relabelling; every URL once."""
    path = "/".join(part for part in ("", *config.path_prefix.split("/"), "api/v2/alerts") if part)
    urls: dict[str, None] = {}
    dropped: dict[str, None] = {}
    wrong: list[str] = []
    for group in groups:
        for address in group.targets:
            before = {
                **{name: value for name, value in group.labels.items() if value},
                "__address__": address, "__scheme__": config.scheme, "__alerts_path__": f"/{path}",
            }  # fmt: skip
            after = relabel(before, config.relabel_configs)
            try:
                (urls if after is not None else dropped)[_url(before if after is None else after)] = None
            except ValueError as error:
                wrong.append(f"{Labels(before)}: {error}")
    return Found(tuple(urls), tuple(dropped), tuple(wrong))


def _url(labels: dict[str, str]) -> str:
    check_address(labels.get("__address__", ""))
    return f"{labels.get('__scheme__', 'http')}://{labels['__address__']}{labels.get('__alerts_path__', '')}"
