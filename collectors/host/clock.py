"""The clock, and how far the kernel believes it is off."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from collectors.families import counter, gauge, gauges
from collectors.host.sources import Sources

_TIME_ERROR = 5
_STA_NANO = 0x2000
_PPM16 = 1_000_000.0 * 65536.0


class _Timeval(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("micros", ctypes.c_long))


class _Timex(ctypes.Structure):
    """struct timex. Source: adjtimex(2)."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("constant", ctypes.c_long),
        ("precision", ctypes.c_long), ("tolerance", ctypes.c_long), ("time", _Timeval), ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long), ("jitter", ctypes.c_long), ("shift", ctypes.c_int), ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long), ("calcnt", ctypes.c_long), ("errcnt", ctypes.c_long), ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int), ("reserved", ctypes.c_int * 11),
    )  # fmt: skip


def time_of_day(_: Sources) -> Iterator[Metric]:
    """node_time_seconds and the zone's offset."""
    now = time.time()
    zone = time.localtime(now)
    yield gauge("node_time_seconds", "System time in seconds since epoch (1970).", now)
    rows = [((zone.tm_zone,), float(zone.tm_gmtoff))]
    yield gauges("node_time_zone_offset_seconds", "System time zone offset in seconds.", ("time_zone",), rows)


def timex(_: Sources) -> Iterator[Metric]:
    """node_timex_*, by adjtimex(2) with nothing to adjust, which needs no privilege."""
    libc = ctypes.CDLL(None, use_errno=True)
    state = _Timex()
    result = libc.adjtimex(ctypes.byref(state))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    divisor = 1e9 if state.status & _STA_NANO else 1e6
    for name, text, value in (
        ("sync_status", "Is clock synchronized to a reliable server (1 = yes, 0 = no).", result != _TIME_ERROR),
        ("offset_seconds", "Time offset in between local system and reference clock.", state.offset / divisor),
        ("frequency_adjustment_ratio", "Local clock frequency adjustment.", 1 + state.freq / _PPM16),
        ("maxerror_seconds", "Maximum error in seconds.", state.maxerror / 1e6),
        ("estimated_error_seconds", "Estimated error in seconds.", state.esterror / 1e6),
        ("status", "Value of the status array bits.", state.status),
        ("loop_time_constant", "Phase-locked loop time constant.", state.constant),
        ("tick_seconds", "Seconds between clock ticks.", state.tick / 1e6),
        ("pps_frequency_hertz", "Pulse per second frequency.", state.ppsfreq / _PPM16),
        ("pps_jitter_seconds", "Pulse per second jitter.", state.jitter / divisor),
        ("pps_shift_seconds", "Pulse per second interval duration.", state.shift),
        ("pps_stability_hertz", "Pulse per second stability, average of recent frequency changes.",
         state.stabil / _PPM16),
        ("tai_offset_seconds", "International Atomic Time (TAI) offset.", state.tai),
    ):  # fmt: skip
        yield gauge(f"node_timex_{name}", text, float(value))
    for name, text, value in (
        ("jitter", "Pulse per second count of jitter limit exceeded events.", state.jitcnt),
        ("calibration", "Pulse per second count of calibration intervals.", state.calcnt),
        ("error", "Pulse per second count of calibration errors.", state.errcnt),
        ("stability_exceeded", "Pulse per second count of stability limit exceeded events.", state.stbcnt),
    ):
        yield counter(f"node_timex_pps_{name}_total", text, float(value))
