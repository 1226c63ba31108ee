"""Settings of Prometheus that opsctl does not have: refused by name and line, never passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsctl.core.document import Source
from opsctl.scrape.config.fields import Place

_TOP = ("remote_read", "tracing", "otlp", "runtime")
_GLOBAL = ("query_log_file",)
_CLOUD = ("sigv4", "azuread", "google_iam")
_REFERENCES = (
    "username_ref", "password_ref", "credentials_ref", "client_secret_ref", "ca_ref", "cert_ref", "key_ref",
    "next_protos", "stale_series_compaction_threshold", "client_certificate_key_id", "client_certificate_key", "client_certificate_key_file",
)  # fmt: skip
_DISCOVERIES = tuple(
    f"{name}_sd_configs"
    for name in (
        "aws", "azure", "consul", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "eureka", "gce", "hetzner",
        "ionos", "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad", "openstack", "ovhcloud",
        "puppetdb", "scaleway", "serverset", "stackit", "triton", "uyuni", "vultr",
    )
)  # fmt: skip
_BELOW = frozenset((*_CLOUD, *_REFERENCES, *_DISCOVERIES, "scrape_classic_histograms", "exemplars"))
_FREE = frozenset((
    "labels", "external_labels", "params", "headers", "http_headers", "endpoint_params", "proxy_connect_header",
))  # fmt: skip
"""Below these the names are free."""


def refuse_lacking(source: Source) -> None:
    """Raises DocumentError at the first setting that we lack."""
    for place in _places((), source.data):
        raise source.refuse(place, "is a Prometheus setting that opsctl does not have")


def _places(place: Place, data: Any) -> Iterator[Place]:
    if isinstance(data, Mapping):
        here = _TOP if not place else _GLOBAL if place == ("global",) else ()
        for key, value in data.items():
            if key in here or (key in _BELOW and place):
                yield (*place, key)
            elif key not in _FREE:
                yield from _places((*place, key), value)
    elif isinstance(data, list) and len(place) < 12:
        for number, value in enumerate(data):
            yield from _places((*place, number), value)
