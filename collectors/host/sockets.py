"""Sockets, protocol counters, connection tracking."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from collectors.families import gauge, untyped
from collectors.host.sources import Sources

_NETSTAT = re.compile(
    r"^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
    r"|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)"
    r"|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
    r"|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"
)
_PAGE = resource.getpagesize()


def sockstat(sources: Sources) -> Iterator[Metric]:
    """node_sockstat_*: sockets by protocol and state."""
    for file in ("net/sockstat", "net/sockstat6"):
        if (sources.proc / file).exists():
            for line in sources.lines(file):
                protocol, _, rest = line.partition(":")
                words = rest.split()
                for state, value in zip(words[::2], words[1::2], strict=True):
                    yield from _state(protocol, state, float(value))


def _state(protocol: str, state: str, value: float) -> Iterator[Metric]:
    text = "Number of IPv4 sockets in use." if protocol == "sockets" else f"Number of {protocol} sockets in state "
    yield gauge(f"node_sockstat_{protocol}_{state}", text if protocol == "sockets" else f"{text}{state}.", value)
    if state == "mem":
        yield gauge(f"node_sockstat_{protocol}_mem_bytes", f"{text}mem_bytes.", value * _PAGE)


def netstat(sources: Sources) -> Iterator[Metric]:
    """node_netstat_*: those counters of the protocols that node_exporter takes by default."""
    for protocol, field, value in _netstat_values(sources):
        if _NETSTAT.match(f"{protocol}_{field}"):
            yield untyped(f"node_netstat_{protocol}_{field}", f"Statistic {protocol}{field}.", float(value))


def _netstat_values(sources: Sources) -> Iterator[tuple[str, str, str]]:
    for file in ("net/netstat", "net/snmp"):
        lines = sources.lines(file)
        for names, values in zip(lines[::2], lines[1::2], strict=False):
            protocol = names.partition(":")[0]
            for field, value in zip(names.split()[1:], values.split()[1:], strict=True):
                yield protocol, field, value
    if (sources.proc / "net/snmp6").exists():
        for line in sources.lines("net/snmp6"):
            name, value = line.split()
            protocol, _, field = name.partition("6")
            yield f"{protocol}6", field, value


def conntrack(sources: Sources) -> Iterator[Metric]:
    """node_nf_conntrack_entries and its limit, where the module is loaded."""
    folder = "sys/net/netfilter/nf_conntrack_"
    yield gauge(
        "node_nf_conntrack_entries",
        "Number of currently allocated flow entries for connection tracking.",
        sources.number(f"{folder}count"),
    )
    text = "Maximum size of connection tracking table."
    yield gauge("node_nf_conntrack_entries_limit", text, sources.number(f"{folder}max"))
