"""Suites that are Python files."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

import loadstone as ls
from loadstone.errors import PlanError, UsageError
from loadstone.plan.code import UserCode, load_user_classes
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load, plan_of
from loadstone.plan.settings import Overrides

USERS = """\
import loadstone as ls

class Reader(ls.User):
    weight = 3
    @ls.task
    async def read(self): ...

class Writer(ls.User):
    @ls.task
    async def write(self): ...
"""
SUITE = """
suite = ls.Suite("shop", target="http://h", gates=["p95(http.response_time) < 2s"], http={"timeouts": {"total": "3s"}}, scenarios=[
    ls.Scenario("first", [Reader, Writer], ls.constant_users(10, "30s"), warm_up="5s", think="1s..2s", data=ls.csv("users.csv")),
    ls.Scenario("second", Reader, ls.spike(rate="5/s", peak=10, at="5s", hold="2s"), after="first"),
    ls.Scenario("third", steps=[{"get": "/"}], profile={"rate": "1/s"}, start="3s"),
])
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("users.csv").write_text("name\nAda\n")


def loaded(text: str, **flags: str) -> Plan:
    Path("suite.py").write_text(textwrap.dedent(text))
    return load(["suite.py"], Overrides(flags))[0]


def told(text: str, **flags: str) -> str:
    with pytest.raises(PlanError) as caught:
        loaded(text, **flags)
    return str(caught.value)


def test_a_suite_becomes_the_same_plan_as_a_file() -> None:
    plan = loaded(USERS + SUITE)
    first, second, third = plan.scenarios
    assert first.code == UserCode(file=str(Path("suite.py").resolve()), classes=("Reader", "Writer"))
    assert (first.warm_up_s, first.profile.duration_s, first.data[0].file) == (5, 30, str(Path("users.csv").resolve()))
    assert (second.after, second.profile.kind, second.profile.duration_s) == ("first", "spike", 12)
    assert (third.start_s, third.steps[0].method) == (3, "GET")
    assert plan.http.timeouts.total_s == 3
    assert Plan.from_wire(plan.wire()) == plan


def test_another_process_finds_the_classes_again() -> None:
    code = loaded(USERS + SUITE).scenarios[0].code
    assert code is not None
    classes = load_user_classes(UserCode.model_validate_json(code.model_dump_json()))
    assert [(cls.__name__, cls.weight) for cls in classes] == [("Reader", 3), ("Writer", 1)]
    assert load_user_classes(code) == classes


def test_user_classes_alone_run_under_a_default_profile() -> None:
    (scenario,) = loaded(USERS, target="http://h", users="4", duration="2s").scenarios
    assert scenario.code is not None
    assert scenario.code.classes == ("Reader", "Writer")
    assert (scenario.profile.kind, scenario.profile.duration_s) == ("constant-users", 2)


def test_a_file_beside_the_suite_can_be_imported() -> None:
    Path("shop_users_beside.py").write_text(USERS)
    plan = loaded("import loadstone as ls\nfrom shop_users_beside import Reader, Writer\n" + SUITE)
    assert plan.scenarios[0].code is not None
    assert plan.scenarios[0].code.file == str(Path("shop_users_beside.py").resolve())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "suite.py: has no suite and no User class with tasks. Try: suite = loadstone.Suite(...)"),
        ("x = 1\n\n1 / 0\n", "suite.py:3: raised ZeroDivisionError: division by zero"),
        ("def f():\n    raise ValueError('two\\nlines')\nf()\n", "suite.py:2: raised ValueError: two lines"),
        (
            "import nosuchmodule\n",
            "suite.py:1: raised ModuleNotFoundError: No module named 'nosuchmodule'. Try: install the package that it needs",
        ),
        ("x = (\n", "suite.py:1: is not Python: '(' was never closed"),
        ("\0", "suite.py: is not Python: source code string cannot contain null bytes"),
        ("import sys\nsys.exit('no')\n", "suite.py:2: raised SystemExit: no"),
        (
            "import loadstone as ls\nclass A(ls.User):\n    @ls.task\n    def t(self): ...\n",
            "suite.py:3 A.t: a task must be an async function. Try: async def t(self): ...",
        ),
        (
            "import loadstone as ls\np = ls.constant_rate('-1/s')\n",
            "suite.py:2 ConstantRate rate = '-1/s': must be more than 0 requests/s. Try: rate='5/s'",
        ),
    ],
)
def test_a_suite_that_raises_is_told_by_file_line_and_text(text: str, said: str) -> None:
    assert told(text) == said


def test_mistakes_in_a_suite_have_the_line_of_their_scenario() -> None:
    text = USERS + 'suite = ls.Suite("s", scenarios=[\n    ls.Scenario("a", Reader, ls.constant_users(1, "1s"), warmup="3s")])\n'
    assert told(text).startswith("suite.py:12 scenarios.a.warmup: unknown key. Try: warm_up")


class Top(ls.User):
    @ls.task
    async def read(self) -> None: ...


class Idle(ls.User):
    pass


def test_a_suite_in_memory_is_a_plan_and_stays_as_it_was() -> None:
    suite = ls.Suite("s", target="http://h", scenarios=[ls.Scenario("a", Top, ls.constant_users(1, "1s"))])
    plan, _ = plan_of(suite, Overrides({"users": 5}))
    assert plan.scenarios[0].profile.model_dump()["users"] == 5
    assert plan_of(suite)[0].scenarios[0].profile.model_dump()["users"] == 1


def test_scenarios_that_cannot_work_are_refused_where_they_are_written() -> None:
    class Inner(ls.User):
        @ls.task
        async def read(self) -> None: ...

    profile = ls.constant_users(1, "1s")
    with pytest.raises(UsageError, match="Inner is defined inside a function"):
        ls.Scenario("a", Inner, profile)
    with pytest.raises(UsageError, match="Idle has no tasks"):
        ls.Scenario("a", Idle, profile)
    with pytest.raises(UsageError, match="is not a User class"):
        ls.Scenario("a", [int], profile)  # type: ignore[list-item]
    with pytest.raises(UsageError, match="two scenarios are called 'a'"):
        ls.Suite("s", scenarios=[ls.Scenario("a", Top, profile), ls.Scenario("a", Top, profile)])


def test_classes_that_are_gone_are_told() -> None:
    loaded(USERS, target="http://h")
    with pytest.raises(UsageError, match="has no class Nobody"):
        load_user_classes(UserCode(file="suite.py", classes=("Nobody",)))
    with pytest.raises(UsageError, match="ls is not a User class"):
        load_user_classes(UserCode(file="suite.py", classes=("ls",)))


def test_every_public_name_is_there_and_nothing_else() -> None:
    for name in ls.__all__:
        assert getattr(ls, name) is not None
    with pytest.raises(AttributeError):
        ls.no_such_name  # noqa: B018


SAWTOOTH = """
import loadstone as ls

class Sawtooth(ls.OpenProfile):
    kind: str = "sawtooth"
    top: float
    teeth: int

    def curve(self):
        return ls.Curve([ls.Piece(1, 0, self.top)] * self.teeth)
"""


def test_a_profile_of_the_suites_own_needs_no_package() -> None:
    text = (
        SAWTOOTH
        + """
suite = ls.Suite("s", target="http://h", scenarios=[ls.Scenario("a", steps=[{"get": "/"}], profile=Sawtooth(top=10, teeth=3))])
"""
    )
    plan = loaded(text)
    profile = plan.scenarios[0].profile
    assert isinstance(profile, ls.OpenProfile)
    assert (profile.duration_s, profile.expected_arrivals) == (3, 15)
    assert Plan.from_wire(plan.wire()).scenarios[0].profile == profile


def test_a_file_can_name_a_profile_in_python() -> None:
    Path("deep").mkdir()
    Path("deep/teeth.py").write_text(SAWTOOTH)
    text = "target: http://h\nscenarios: {a: {profile: {kind: 'teeth.py:Sawtooth', top: 10, teeth: 2}, steps: [{get: /}]}}\n"
    Path("deep/suite.yaml").write_text(text)
    assert load(["deep/suite.yaml"], Overrides())[0].scenarios[0].profile.duration_s == 2
    Path("deep/suite.yaml").write_text(text.replace("Sawtooth", "Nothing"))
    with pytest.raises(PlanError, match=r"teeth\.py:Nothing' is not a profile class"):
        load(["deep/suite.yaml"], Overrides())
