"""A scenario that begins in the middle of its profile."""

from hypothesis import given
from hypothesis import strategies as st

from loadstone.load.closed import _changes
from loadstone.plan.any_profile import read_profile
from loadstone.plan.profile import ClosedProfile

TIMES = st.floats(0.001, 39.9)


@given(TIMES, TIMES, st.integers(0, 30), st.integers(1, 30))
def test_users_are_those_of_the_whole_profile_at_every_later_time(skip_s: float, later_s: float, first: int, last: int) -> None:
    profile = read_profile({"kind": "ramping-users", "from_users": first, "to_users": last, "duration": "30s", "hold": "10s"})
    assert isinstance(profile, ClosedProfile)
    skip_ns, later_ns = round(skip_s * 1e9), round(max(skip_s, later_s) * 1e9)
    whole = sum(step for at_ns, step in profile.changes() if at_ns <= later_ns)
    changes = list(_changes(profile.shape, skip_ns))
    assert sum(step for at_ns, step in changes if at_ns <= later_ns) == whole
    assert all(at_ns >= skip_ns for at_ns, _ in changes)
    assert sum(step for _, step in changes) == 0
