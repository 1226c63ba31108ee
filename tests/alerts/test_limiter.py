"""The limiter: the rate is never exceeded, and the urgent never waits longer than a pulse, whatever comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from opsctl.alerts.limiter import WINDOW, Limiter

Arrival = tuple[float, bool, bool]
ARRIVALS = some.lists(some.tuples(some.floats(0, 20), some.booleans(), some.booleans()), max_size=150)


def play(limiter: Limiter, arrivals: list[Arrival]) -> tuple[list[float], list[float]]:
    """When calls were made, and how long each urgent one waited; each comes some seconds after the one before."""
    now, taken, waits = 0.0, list[float](), list[float]()
    for gap, urgent, going_on in arrivals:
        now += gap
        wait = limiter.wait(now, urgent, going_on)
        if urgent:
            waits.append(wait)
        now += wait
        assert limiter.wait(now, urgent, going_on) < 1e-6
        limiter.took(now)
        taken.append(now)
    return taken, waits


def most(taken: list[float], seconds: float) -> int:
    return max((sum(1 for t in taken if start <= t < start + seconds) for start in taken), default=0)


@given(ARRIVALS, some.integers(1, 120))
def test_never_more_than_the_rate_in_any_rolling_minute(arrivals: list[Arrival], rate: int) -> None:
    taken, _ = play(Limiter(rate), arrivals)
    assert most(taken, 60.0) <= rate


@given(ARRIVALS, some.integers(4, 120))
def test_the_urgent_waits_for_a_pulse_at_most(arrivals: list[Arrival], rate: int) -> None:
    limiter = Limiter(rate)
    _, waits = play(limiter, [(gap, urgent, False) for gap, urgent, _ in arrivals])
    assert all(w <= limiter.pulse + 1e-6 for w in waits)
    assert rate < 18 or limiter.pulse < 9.0


@given(ARRIVALS, some.integers(2, 20), some.integers(1, 5))
def test_further_limits_hold_too(arrivals: list[Arrival], rate: int, calls: int) -> None:
    taken, _ = play(Limiter(rate, also=((calls, 10.0), (rate * 3, 600.0))), arrivals)
    assert most(taken, 10.0) <= calls
    assert most(taken, 600.0) <= rate * 3


def test_what_the_last_life_sent_counts() -> None:
    limiter = Limiter(18, known=[100.0] * 18)
    assert limiter.wait(110.0, True) == WINDOW - 10.0
    assert limiter.burst(110.0) == 0
    assert limiter.wait(100.0 + WINDOW, False) == 0.0
    assert Limiter(0).wait(0.0, False) == 0.0
