"""What users cost a worker; benchmarks/ measures the same with ten thousand."""

from loadstone.load.control import Stop
from loadstone.load.control_desk import ControlDesk
from loadstone.measure.snapshot import Snapshot
from loadstone.plan.model import Plan
from loadstone.run import execute

FEW, MANY = 200, 3_000
MOST_BYTES_PER_USER = 12_000


class Levels:
    """Memory of the worker at the last second with few users, and at the first that began when all of many had been answered."""

    def __init__(self, desk: ControlDesk) -> None:
        self.memory: dict[int, float] = {}
        self._desk, self._answered = desk, 0

    def snapshot(self, snapshot: Snapshot) -> None:
        levels = {str(series): gauge.last for series, gauge in snapshot.gauges.items()}
        self.memory[round(levels["load.users{scenario=main}"])] = levels["generator.memory{worker=0}"]
        if self._answered == MANY and not self._desk.state.stopping:
            self._desk.ask(Stop())
        self._answered += sum(count for series, count in snapshot.counts.items() if series.metric == "http.requests")

    def close(self) -> None:
        pass


def test_a_connected_idle_user_costs_less_than_twelve_kilobytes(target: str) -> None:
    stages = [{"duration": "2s", "users": FEW, "shape": "step"}, {"duration": "1h", "users": MANY, "shape": "step"}]
    scenario = {"profile": {"kind": "stages", "stages": stages}, "steps": [{"get": "/"}], "think": "1h"}
    desk = ControlDesk()
    levels = Levels(desk)
    story = execute(Plan.model_validate({"target": target, "scenarios": {"main": scenario}}), [levels], desk=desk)
    assert story.result.total.count("http.requests") == MANY
    each = (levels.memory[MANY] - levels.memory[FEW]) / (MANY - FEW)
    print(f"{each:.0f} bytes per idle user")
    assert 0 < each < MOST_BYTES_PER_USER
