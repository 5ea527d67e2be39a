"""Queries side by side, a named baseline of their responses, and a regression test against it: python regression.py BOARD.db

The bot is the callable of message_bot.py; a URL in its place asks a service.
"""

import os
import sys
import tempfile

from loadstone.suites.bot import RegressionTest, create_baseline, queries_of, run_queries, run_regression_tests

LIMITS = {"max_concurrent": 5, "rate_limit": 400}


def main(database: str, runs: int = 6) -> RegressionTest:
    """Collect a baseline, then test the same bot against it."""
    os.environ["MESSAGE_BOT_DB"] = database
    queries = queries_of(database, 60)
    with tempfile.TemporaryDirectory() as folder:  # keep yours: folder="baselines"
        for _ in range(runs):
            create_baseline("release", run_queries("message_bot:ask", queries, **LIMITS), folder)
        responses = run_queries("message_bot:ask", queries, retries=1, **LIMITS)
        print(f"{responses.success_rate:.0%} answered at first, {responses.attempts}")  # noqa: T201  what an example is for
        return run_regression_tests("release", responses, folder=folder)


if __name__ == "__main__":
    outcome = main(sys.argv[1])
    print(outcome)  # noqa: T201
    raise SystemExit(0 if outcome.passed else 1)
