"""The host collector beside the real node_exporter."""

from __future__ import annotations

import re
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from collectors.errors import CollectorError
from collectors.families import exposition
from collectors.host import HostCollector
from collectors.host.filesystem import mounts
from collectors.host.sources import Sources
from tests.servers import free_port, http_ok, need, started

# Public rules name these, but neither node_exporter nor we can give them on a machine without the hardware.
NEEDS_HARDWARE = ("hwmon", "md", "edac", "bonding", "systemd", "nf_conntrack", "network_speed")


def _types(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def _values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _ours() -> str:
    return exposition(HostCollector()).decode()


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> str:
    program, port = need("prometheus-node-exporter"), free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    log = tmp_path_factory.mktemp("node") / "log"
    with started([program, f"--web.listen-address=127.0.0.1:{port}"], lambda: http_ok(url), log):
        return str(urllib.request.urlopen(url, timeout=5).read().decode())


def test_types_are_node_exporters(theirs: str) -> None:
    real, ours = _types(theirs), _types(_ours())
    assert {name: (kind, real[name]) for name, kind in ours.items() if name in real and real[name] != kind} == {}
    assert {name for name in ours if name not in real} <= {"node_thermal_zone_temp"}


def test_label_sets_are_node_exporters(theirs: str) -> None:
    """For every metric that both have, the same series, but for filesystems (Debian leaves out /mnt and /media)."""
    real, ours = _values(theirs), _values(_ours())
    names = {name for name, _ in ours} & {name for name, _ in real}
    differing = {
        name
        for name in names
        if {labels for n, labels in real if n == name} != {labels for n, labels in ours if n == name}
        and not name.startswith(("node_filesystem", "node_scrape", "node_netstat"))
    }
    assert differing == set()


def test_values_agree_with_node_exporter(theirs: str) -> None:
    real, ours = _values(theirs), _values(_ours())
    steady = ("node_boot_time_seconds", "node_memory_MemTotal_bytes", "node_filesystem_size_bytes",
              "node_filesystem_files", "node_network_mtu_bytes", "node_network_up", "node_filefd_maximum",
              "node_timex_tick_seconds", "node_timex_sync_status", "node_uname_info", "node_os_version",
              "node_vmstat_oom_kill")  # fmt: skip
    both = [key for key in ours if key in real]
    assert {key: (ours[key], real[key]) for key in both if key[0] in steady and ours[key] != real[key]} == {}
    rising = [k for k in both if k[0] in ("node_cpu_seconds_total", "node_disk_read_bytes_total", "node_intr_total")]
    assert rising
    for key in rising:
        assert ours[key] == pytest.approx(real[key], rel=0.2, abs=60), key


def test_the_public_rules_find_their_metrics_here(theirs: str) -> None:
    """Each metric that the public rule file names is here, or absent from the real node_exporter as well."""
    rules = Path(__file__).resolve().parents[1] / "data" / "rules" / "node-exporter.yml"
    exprs = re.findall(r"^\s+expr: '(.*)'$", rules.read_text(), re.MULTILINE)
    named = {name for expr in exprs for name in re.findall(r"\bnode_[a-zA-Z0-9_]+", expr)}
    assert len(named) > 40
    real, ours = set(_types(theirs)), set(_types(_ours()))
    assert named & real <= ours
    missing = {name for name in named - ours if not name.startswith(tuple(f"node_{part}" for part in NEEDS_HARDWARE))}
    assert missing == set()


def test_one_look_is_quick_and_every_part_reports() -> None:
    start = time.perf_counter()
    text = _ours()
    assert time.perf_counter() - start < 0.5
    values = _values(text)
    for part in ("cpu", "meminfo", "filesystem", "diskstats", "netdev", "timex", "uname"):
        assert values[("node_scrape_collector_success", (("collector", part),))] == 1
        assert values[("node_scrape_collector_duration_seconds", (("collector", part),))] < 0.5


def test_cpu_time_rises() -> None:
    def total() -> float:
        return sum(value for (name, _), value in _values(_ours()).items() if name == "node_cpu_seconds_total")

    before = total()
    time.sleep(0.3)
    assert total() > before


def test_hardware_from_copies_of_the_kernels_files(tmp_path: Path) -> None:
    chip = tmp_path / "sys/class/hwmon/hwmon0"
    mc, bond = tmp_path / "sys/devices/system/edac/mc/mc0", tmp_path / "sys/class/net/bond0"
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    for folder in (chip, mc, bond / "bonding", bond / "lower_a/bonding_slave", bond / "lower_b/bonding_slave", zone):
        folder.mkdir(parents=True)
    for path, text in (
        (chip / "name", "coretemp"), (chip / "temp1_input", "55000"), (chip / "temp1_max", "100000"),
        (chip / "temp1_crit_alarm", "0"), (chip / "fan1_input", "1200"), (mc / "ce_count", "3"), (mc / "ue_count", "1"),
        (bond / "operstate", "up"), (bond / "bonding/slaves", "a b"), (bond / "lower_a/bonding_slave/mii_status", "up"),
        (bond / "lower_b/bonding_slave/mii_status", "down"), (zone / "temp", "42500"), (zone / "type", "x86_pkg_temp"),
        (tmp_path / "sys/class/net/bonding_masters", "bond0"),
    ):  # fmt: skip
        path.write_text(f"{text}\n")
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "stat").write_text("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 100 2 3 4 5 6 7 8 9 10\nintr 77 1 2\nctxt 5\n")
    (proc / "mdstat").write_text(
        "Personalities : [raid1]\nmd0 : active raid1 sdb1[1] sda1[0](F) sdc1[2](S)\n"
        "      1024 blocks super 1.2 [2/1] [_U]\n      [==>..]  recovery = 12.6% (1/2) finish=1min\nunused devices: <none>\n"
    )
    text = exposition(HostCollector(str(proc), str(tmp_path / "sys"))).decode()
    values = _values(text)
    sensor = (("chip", "coretemp"), ("sensor", "temp1"))
    assert values[("node_hwmon_temp_celsius", sensor)] == 55
    assert values[("node_hwmon_temp_max_celsius", sensor)] == 100
    assert values[("node_hwmon_temp_crit_alarm_celsius", sensor)] == 0
    assert values[("node_edac_correctable_errors_total", (("controller", "0"),))] == 3
    assert values[("node_bonding_slaves", (("master", "bond0"),))] == 2
    assert values[("node_bonding_active", (("master", "bond0"),))] == 1
    assert values[("node_thermal_zone_temp", (("type", "x86_pkg_temp"), ("zone", "0")))] == 42.5
    disks = {s: values[("node_md_disks", (("device", "md0"), ("state", s)))] for s in ("active", "failed", "spare")}
    assert disks == {"active": 1, "failed": 1, "spare": 1}
    assert values[("node_md_disks_required", (("device", "md0"),))] == 2
    assert values[("node_md_state", (("device", "md0"), ("state", "recovering")))] == 1
    assert values[("node_intr_total", ())] == 77
    assert values[("node_scrape_collector_success", (("collector", "meminfo"),))] == 0


def test_mounts_unescape_and_skip(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1/mounts").write_text(
        "/dev/sda1 / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\n/dev/sdb1 /data\\040one xfs ro,noatime 0 0\n"
        "tmpfs /run tmpfs rw 0 0\noverlay /x overlay rw 0 0\n/dev/sdc1 /data\\040one ext4 rw 0 0\n"
    )
    found = mounts(Sources(tmp_path, tmp_path, tmp_path))
    assert [(m.device, m.mountpoint, m.readonly) for m in found] == [
        ("/dev/sda1", "/", False), ("/dev/sdc1", "/data one", False),
    ]  # fmt: skip


def test_no_proc_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CollectorError, match="reads Linux' /proc"):
        HostCollector(str(tmp_path))
