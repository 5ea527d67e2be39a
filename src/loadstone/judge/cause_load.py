"""Is the load more than the target gets done?"""

from __future__ import annotations

import numpy as np

from loadstone.judge.cause import Cause, CauseKind, cause
from loadstone.judge.course import RunCourse
from loadstone.units import format_count, format_rate, format_share

FEWEST = 6  # windows
SHORT = 0.05  # of the arrivals, left undone in the second half of the run
MOSTLY = 0.6  # of its windows
ALIVE = 0.2  # of the arrivals are still served: less is a stall
MORE_USERS = 1.5
NO_MORE_DONE = 1.1


def overload(course: RunCourse) -> list[Cause]:
    """Arrivals that pile up, or users that come without more getting done."""
    if len(course.windows) < FEWEST:
        return []
    found = _piling_up(course) if any(window.due for window in course.windows) else _plateau(course)
    return [found] if found is not None else []


def _piling_up(course: RunCourse) -> Cause | None:
    """In the second half, because what a constant latency holds back is a constant number."""
    half = course.windows[len(course.windows) // 2 :]
    due = np.array([window.due for window in half], dtype=float)
    done = np.array([window.passes for window in half], dtype=float)
    if due.sum() == 0:
        return None
    short = 1 - float(done.sum() / due.sum())
    some = due > 0
    if short < SHORT or np.mean(done[some] < due[some]) < MOSTLY or np.median(done[some] / due[some]) < ALIVE:
        return None
    seconds = sum(window.seconds for window in half)
    asked, got = float(due.sum()) / seconds, float(done.sum()) / seconds
    left = sum(window.due - window.passes for window in course.windows)
    dropped = sum(window.dropped for window in course.windows)
    text = f"the target gets {format_rate(got)} done of {format_rate(asked)} that come, and {format_count(left)} were left over in the end"
    text += f", {format_count(dropped)} of them dropped" if dropped else ""
    span = course.span(len(course.windows) - len(half), len(course.windows))
    return cause(CauseKind.OVERLOAD, "load", text, min(1.0, 0.9 + short), span, asked_per_s=asked, done_per_s=got, left=left)


def _plateau(course: RunCourse) -> Cause | None:
    users = np.array([window.users.mean if window.users else 0.0 for window in course.windows])
    done = np.array([window.served / window.seconds for window in course.windows])
    order = np.argsort(users, kind="stable")
    third = len(order) // 3
    few, many = order[:third], order[-third:]
    if users[few].mean() < 1 or users[many].mean() < MORE_USERS * users[few].mean() or done[few].mean() <= 0:
        return None
    if done[many].mean() > NO_MORE_DONE * done[few].mean():
        return None
    before, now = float(users[few].mean()), float(users[many].mean())
    more = format_share(round(max(0.0, float(done[many].mean() / done[few].mean()) - 1), 3))
    text = f"with {now:.0f} users instead of {before:.0f} only {more} more got done: {format_rate(float(done[many].mean()))}"
    span = course.span(int(many.min()), int(many.max()) + 1)
    return cause(CauseKind.OVERLOAD, "load", text, 0.95, span, users=now, done_per_s=float(done[many].mean()))
