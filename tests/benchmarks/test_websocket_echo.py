"""What WebSocket peers and the conformance suite print is read as they mean it."""

import pytest

from benchmarks import memory
from benchmarks.autobahn import behaviours, table
from benchmarks.processes import Failed, Finished
from benchmarks.rounds import Outcome
from benchmarks.websocket_echo import Echoed, echoed


def finished(stdout: str, code: int = 0) -> Finished:
    return Finished(stdout, "", code, 5.0, 1.0)


def test_a_peer_reports_its_messages_and_the_cpu_of_its_loop() -> None:
    assert echoed(finished('{"messages": 200000, "cpu_s": 2.0, "seconds": 4.0}'), "picows_echo") == Echoed(50_000, 10)


@pytest.mark.parametrize("said", ["", "Traceback", '{"messages": 0, "cpu_s": 1.0, "seconds": 1.0}', '{"messages": 3}'])
def test_a_peer_without_messages_is_a_failure_and_no_zero(said: str) -> None:
    with pytest.raises(Failed, match="picows_echo ended with 1"):
        echoed(finished(said, 1), "picows_echo")


def test_one_more_user_is_the_difference_of_few_and_many() -> None:
    many, few = Outcome(20_000_000.0), Outcome(100_000.0)
    assert memory.of_one_more(few, many).value == pytest.approx(2010.1, abs=0.1)
    assert memory.of_one_more(Outcome(None, "no ports"), many) == Outcome(None, "no ports")


def test_a_case_that_was_closed_wrongly_is_no_success() -> None:
    report = {
        "agent": {
            "1.1.1": {"behavior": "OK", "behaviorClose": "OK"},
            "3.2": {"behavior": "NON-STRICT", "behaviorClose": "OK"},
            "7.1.5": {"behavior": "OK", "behaviorClose": "UNCLEAN"},
            "7.9.1": {"behavior": "FAILED", "behaviorClose": "OK"},
        }
    }
    cases = behaviours(report)
    assert cases == {"1.1.1": "OK", "3.2": "NON-STRICT", "7.1.5": "CLOSE UNCLEAN", "7.9.1": "FAILED"}
    assert "7.1.5 7.9.1" in table(cases).splitlines()[-1]


def test_a_report_of_two_agents_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        behaviours({"a": {}, "b": {}})
