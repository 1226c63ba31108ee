"""The `remote_write` part: receivers that get all samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from opsctl.core.document import Source, document
from opsctl.core.http_settings import HttpSettings, url_mistake
from opsctl.relabel import Rule
from opsctl.scrape.config.common import Validation
from opsctl.scrape.config.fields import Place, Span, check_http
from opsctl.scrape.config.job import check_rules

_OUR_HEADERS = frozenset((
    "host", "content-encoding", "content-length", "content-type", "user-agent", "connection", "keep-alive",
    "proxy-authenticate", "proxy-authorization", "www-authenticate", "accept-encoding",
    "x-prometheus-remote-write-version", "x-prometheus-remote-read-version", "x-amz-date", "x-amz-security-token",
    "x-amz-content-sha256",
))  # fmt: skip
_AUTHORIZATION = (
    "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam "
    "parameter"
)


@document
class QueueConfig:
    """How a remote's buffer is emptied. The buffer is on disk, so that `capacity` bounds nothing."""

    max_samples_per_send: Annotated[int, Field(ge=1, le=100_000)] = 2000
    batch_send_deadline: Span = 5.0
    min_backoff: Annotated[Span, Field(gt=0)] = 0.03
    max_backoff: Annotated[Span, Field(gt=0)] = 5.0
    capacity: Annotated[int, Field(ge=1)] = 10_000
    max_shards: Annotated[int, Field(ge=1, le=1000)] = 50
    min_shards: Annotated[int, Field(ge=1)] = 1
    retry_on_http_429: bool = False
    sample_age_limit: Span = 0.0


@document
class MetadataConfig:
    """Whether types, helps and units of metrics are sent, and how often (seconds)."""

    send: bool = True
    send_interval: Annotated[Span, Field(gt=0)] = 60.0
    max_samples_per_send: Annotated[int, Field(ge=1)] = 2000


@document
class RemoteWrite(HttpSettings):
    """A remote-write 1.0 receiver that gets all samples."""

    url: str = ""
    name: str = ""
    remote_timeout: Annotated[Span, Field(gt=0)] = 30.0
    headers: dict[str, str] = field(default_factory=dict)
    write_relabel_configs: tuple[Rule, ...] = ()
    queue_config: QueueConfig = field(default_factory=QueueConfig)
    metadata_config: MetadataConfig = field(default_factory=MetadataConfig)
    send_exemplars: bool = False
    send_native_histograms: bool = False
    round_robin_dns: bool = False
    protobuf_message: Literal["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] = "prometheus.WriteRequest"


def check_remotes(source: Source, remotes: Iterable[RemoteWrite], validation: Validation) -> None:
    """Raises DocumentError. Source: Prometheus, config RemoteWriteConfig and storage/remote ApplyConfig."""
    seen: set[str] = set()
    for number, remote in enumerate(remotes):
        place = ("remote_write", number)
        if remote.name and remote.name in seen:
            said = f'found multiple remote write configs with job name "{remote.name}"'
            raise source.refuse((*place, "name"), said)
        same = remote.name or remote.url
        if same in seen:
            raise source.refuse(place, f"duplicate remote write configs are not allowed: {same} stands here twice")
        seen.add(same)
        _check(source, place, remote)
        check_rules(source, (*place, "write_relabel_configs"), remote.write_relabel_configs, validation)


def _check(source: Source, place: Place, remote: RemoteWrite) -> None:
    if not remote.url:
        raise source.refuse(place, "url for remote_write is empty")
    wrong = url_mistake(remote.url)
    if not wrong and urlsplit(remote.url).scheme not in ("http", "https"):
        wrong = f'"{remote.url}" is not an http or https URL'
    if wrong:
        raise source.refuse((*place, "url"), wrong)
    for name in remote.headers:
        if name.lower() == "authorization":
            raise source.refuse((*place, "headers", name), _AUTHORIZATION)
        if name.lower() in _OUR_HEADERS:
            raise source.refuse((*place, "headers", name), f"{name} is a reserved header. It must not be changed")
    for key in ("send_exemplars", "send_native_histograms", "round_robin_dns"):
        if getattr(remote, key):
            raise source.refuse((*place, key), "is a Prometheus setting that opsctl does not have")
    if remote.protobuf_message != "prometheus.WriteRequest":
        raise source.refuse((*place, "protobuf_message"), "opsctl writes remote write 1.0 only")
    check_http(source, place, remote)
