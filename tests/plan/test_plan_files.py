"""Plans in files: what is read, and every mistake with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from loadstone.errors import ExitCode, PlanError
from loadstone.plan.document import read_document
from loadstone.plan.model import Plan
from loadstone.plan.resolve import load
from loadstone.plan.settings import Overrides

GOOD = """\
name: shop
target: http://127.0.0.1:8000/
scenarios:
  browse:
    profile: {rate: 5/s, duration: 30s}
    think: 1s..3s
    steps:
      - get: /items?page=1
      - post: /items
        json: {a: 1}
gates:
  - p95(http.response_time) < 2s
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plan_of(text: str, name: str = "suite.yaml") -> Plan:
    Path(name).write_text(text, encoding="utf-8")
    return load([name], Overrides())[0]


def mistakes_of(text: str, name: str = "suite.yaml") -> list[str]:
    with pytest.raises(PlanError) as caught:
        plan_of(text, name)
    assert caught.value.exit_code == ExitCode.USAGE
    return str(caught.value).splitlines()


def test_a_yaml_file_becomes_a_plan() -> None:
    plan = plan_of(GOOD)
    (scenario,) = plan.scenarios
    assert (plan.name, plan.target, plan.source) == ("shop", "http://127.0.0.1:8000", "suite.yaml")
    assert (scenario.name, scenario.profile.kind, scenario.profile.duration_s) == ("browse", "constant-rate", 30)
    assert [(step.name, step.method, step.path) for step in scenario.steps] == [
        ("GET /items", "GET", "/items?page=1"),
        ("POST /items", "POST", "/items"),
    ]
    assert plan.gates[0].spec().metric == "http.response_time"


def test_yaml_toml_and_json_say_the_same() -> None:
    toml = """
name = "shop"
target = "http://127.0.0.1:8000/"
gates = ["p95(http.response_time) < 2s"]
[scenarios.browse]
profile = {rate = "5/s", duration = "30s"}
think = "1s..3s"
[[scenarios.browse.steps]]
get = "/items?page=1"
[[scenarios.browse.steps]]
post = "/items"
json = {a = 1}
"""
    document = read_document(_written("x.yaml", GOOD))
    plans = [plan_of(GOOD), plan_of(toml, "suite.toml"), plan_of(json.dumps(document.tree, indent="\t"), "suite.json")]
    first, *others = [plan.model_copy(update={"source": ""}) for plan in plans]
    assert others == [first, first]


def _written(name: str, text: str) -> Path:
    Path(name).write_text(text)
    return Path(name)


def test_every_mistake_is_told_at_once_with_line_value_and_remedy() -> None:
    told = mistakes_of("""\
target: example.com
scenarios:
  browse:
    profile:
      kind: constant-rate
      rate: -1
      durration: 30s
    warmup: 5s
    steps:
      - get: /items
        expect: 2000
  empty:
    profile: {users: 1, duration: 5 parsecs}
  odd:
    profile: {kind: constantrate}
    steps: [{get: /}]
  none:
    steps: [{get: /}]
gates:
  - p95(http.response_time < 2s
""")
    assert told[0] == "suite.yaml:1 target = 'example.com': must start with http:// or https://. Try: target: http://127.0.0.1:8000"
    assert told[1] == "suite.yaml:6 scenarios.browse.profile.rate = -1: must be more than 0 requests/s. Try: rate: 5/s"
    assert told[2].startswith("suite.yaml:7 scenarios.browse.profile.durration: unknown key. Try: duration (known: duration, ")
    assert told[3].startswith("suite.yaml:8 scenarios.browse.warmup: unknown key. Try: warm_up (known: after, ")
    assert told[4].startswith("suite.yaml:11 scenarios.browse.steps[0].expect = 2000: must be a status")
    assert told[5] == "suite.yaml:12 scenarios.empty: does nothing: it has no steps. Try: steps: [{get: /}]"
    assert told[6].startswith("suite.yaml:13 scenarios.empty.profile.duration = '5 parsecs': '5 parsecs': unknown unit 'parsecs'; known:")
    assert told[7].startswith("suite.yaml:15 scenarios.odd.profile: unknown profile 'constantrate'. Try: constant-rate (known: ")
    assert told[8] == "suite.yaml:17 scenarios.none.profile: is missing. Try: profile: {rate: 5/s, duration: 30s}"
    assert told[9].startswith("suite.yaml:20 gates[0] = 'p95(http.response_time < 2s': ")
    assert len(told) == 10


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        (
            "suite.yaml",
            "a: 1\nb: [1,\nc: 2\n",
            "suite.yaml:4: is not YAML: expected ',' or ']', but got '<stream end>', while parsing a flow sequence from line 2",
        ),
        (
            "suite.yaml",
            "a:\n\tb: 1\n",
            "suite.yaml:2: is not YAML: found character '\\t' that cannot start any token. Try: indent with blanks, not with tabs",
        ),
        ("suite.yaml", "name: a\nname: b\n", "suite.yaml:2: name is written twice. Try: keep one of them"),
        ("suite.yaml", "", "suite.yaml: is empty"),
        ("suite.yaml", "- a\n", "suite.yaml: must be a mapping"),
        ("suite.yaml", "a: &a [*a]\n", "suite.yaml: is not YAML: an anchor contains itself"),
        ("suite.yaml", "a: !!python/object:os.system {}\n", "suite.yaml:1: is not YAML"),
        ("suite.json", '{"name": "a",\n "b" 1}', "suite.json:2: is not JSON"),
        ("suite.json", '{"name": "a",\n\t"name": "b"}', "suite.json:2: name is written twice"),
        ("suite.toml", 'name = "a"\nb = \n', "suite.toml:2: is not TOML: Invalid value"),
        ("suite.toml", 'name = "a"\nname = "b"\n', "suite.toml:2: is not TOML"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_line(name: str, text: str, told: str) -> None:
    assert mistakes_of(text, name)[0].startswith(told)


def test_few_lines_that_stand_for_billions_of_keys_are_refused() -> None:
    text = "a0: &a0 [1, 2]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    assert "keys once its anchors are filled in" in mistakes_of(text)[0]


def test_toml_keys_have_their_lines() -> None:
    told = mistakes_of(
        """\
name = "shop"
target = "http://h"

[scenarios.browse]
profile.rate = "-1/s"
warmup = 3

[[scenarios.browse.steps]]
get = "/"

[[scenarios.browse.steps]]
get = "/"
expect = 2000
""",
        "suite.toml",
    )
    assert [line.split(" ")[0] for line in told] == ["suite.toml:5", "suite.toml:6", "suite.toml:13"]


def test_json_keys_have_their_lines() -> None:
    told = mistakes_of('{"scenarios": {\n "a": {\n\t"profile": {"users": 0,\n  "duration": "1s"}, "steps": [{"get": "/"}]}}}', "suite.json")
    assert told[0] == "suite.json:3 scenarios.a.profile.users = 0: must be more than 0. Try: users: 10"


def test_what_shows_only_together_is_told_too() -> None:
    Path("users.csv").write_text("name,city\nAda,London\n")
    told = mistakes_of("""\
scenarios:
  a:
    profile: {users: 1, duration: 1s}
    after: c
    data: user.csv
    steps:
      - get: /x
        checks: [jso.x exists]
        headers: {X: "${env:LOADSTONE_TEST_NOT_SET}"}
  b:
    profile: {users: 1, duration: 1s}
    data: users.csv
    steps:
      - get: /x/${row.nam}
        extract: {token: json.t}
      - post: /y/${vars.tokn}
        file: none.bin
      - post: /y/${rnd}
  c:
    profile: {users: 1}
    after: a
    steps: [{get: "http://elsewhere/"}]
""")
    assert [line.split(": ")[0] for line in told] == [
        "suite.yaml target",
        "suite.yaml:4 scenarios.a.after = 'c'",
        "suite.yaml:4 scenarios.a.after = 'c'",
        "suite.yaml:5 scenarios.a.data[0].file = 'user.csv'",
        "suite.yaml:8 scenarios.a.steps[0].checks[0] = 'jso.x exists'",
        "suite.yaml:9 scenarios.a.steps[0].headers",
        "suite.yaml:14 scenarios.b.steps[0].get = '/x/${row.nam}'",
        "suite.yaml:16 scenarios.b.steps[1].post = '/y/${vars.tokn}'",
        "suite.yaml:17 scenarios.b.steps[1].file = 'none.bin'",
        "suite.yaml:18 scenarios.b.steps[2].post = '/y/${rnd}'",
        "suite.yaml:21 scenarios.c.after = 'a'",
    ]
    assert "near: users.csv" in told[3]
    assert told[6].endswith("unknown column 'nam'. Try: name (known: name, city)")


def test_a_warm_up_that_leaves_nothing_to_judge_is_told() -> None:
    told = mistakes_of(GOOD.replace("    think", "    warm_up: 30s\n    think"))
    assert told == ["suite.yaml:6 scenarios.browse.warm_up = '30s': leaves nothing to judge: the scenario lasts 30 s. Try: warm_up: 0s"]


def test_a_missing_file_names_the_near_ones() -> None:
    Path("suite.yaml").write_text(GOOD)
    with pytest.raises(PlanError, match=r"siute\.yaml: no such file; near: suite\.yaml"):
        load(["siute.yaml"], Overrides())


def test_a_name_that_is_neither_file_nor_suite_is_refused() -> None:
    with pytest.raises(PlanError, match="nosuch: no file of that name, and unknown suite 'nosuch'"):
        load(["nosuch"], Overrides())


def test_nothing_named_is_a_mistake() -> None:
    with pytest.raises(PlanError, match="no suite is named"):
        load([], Overrides())


def test_the_same_suite_from_another_folder_finds_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "users.csv").write_text("name\nAda\n")
    (folder / "suite.yaml").write_text(GOOD.replace("    think", "    data: users.csv\n    think"))
    assert load(["deep/suite.yaml"], Overrides())[0].scenarios[0].data[0].file == str(folder / "users.csv")


def test_several_files_run_together() -> None:
    Path("a.yaml").write_text(GOOD)
    Path("b.yaml").write_text(GOOD.replace("browse", "other").replace("p95", "p99"))
    plan, _ = load(["a.yaml", "b.yaml"], Overrides())
    assert [scenario.name for scenario in plan.scenarios] == ["browse", "other"]
    assert len(plan.gates) == 2
    with pytest.raises(PlanError, match=r"a\.yaml:4 scenarios\.browse: another file has a scenario of that name"):
        load(["b.yaml", "a.yaml", "a.yaml"], Overrides())


def test_what_is_missing_at_the_top_is_told_with_its_file() -> None:
    told = mistakes_of("scenarios: {main: {profile: {rate: 5/s, duration: 5s}, steps: [{get: /}]}}\n")
    assert told == ["suite.yaml target: is missing. Try: target: http://127.0.0.1:8000, or --target"]
    assert mistakes_of("name: a\n")[0].startswith("suite.yaml scenarios: is missing. ")


def test_a_csv_file_without_titles_is_told_as_that() -> None:
    Path("fruit.csv").write_text("1,apple\n2,pear\n")
    steps = 'steps: [{get: "/items/${row.id}"}]'
    told = mistakes_of(f"target: http://host\nscenarios: {{main: {{profile: {{rate: 5/s, duration: 5s}}, data: fruit.csv, {steps}}}}}\n")
    assert told[0].endswith("unknown column 'id'. Try: a first line that names the columns; now it says 1, apple")


def test_scenarios_may_be_a_list_with_names() -> None:
    text = "target: http://h\nscenarios:\n  - name: a\n    profile: {users: 0}\n    steps: [{get: /}]\n"
    assert mistakes_of(text)[0].startswith("suite.yaml:4 scenarios.a.profile.users = 0")


def test_the_environment_fills_plain_settings_and_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    text = GOOD.replace("5/s", "'${env:LOADSTONE_TEST_RATE}'")
    assert mistakes_of(text) == [
        "suite.yaml:5 scenarios.browse.profile.rate: the environment has no LOADSTONE_TEST_RATE. Try: export LOADSTONE_TEST_RATE=…"
    ]
    monkeypatch.setenv("LOADSTONE_TEST_RATE", "7/s")
    assert plan_of(text).scenarios[0].profile.model_dump()["rate"] == 7


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "rate", "get", "steps", "x"]), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["name", "target", "scenarios", "gates", "http", "stop", "tags", "patience", "workers", "seed", "nonsense"])
scenarios = st.dictionaries(
    st.sampled_from(["a", "b"]),
    st.dictionaries(st.sampled_from(["profile", "steps", "think", "pacing", "data", "after", "tags", "code", "name"]), values, max_size=4),
)


odd_keys = st.none() | st.booleans() | st.integers(0, 3) | st.dates() | keys


@given(st.dictionaries(odd_keys, values), st.dictionaries(odd_keys, st.dictionaries(odd_keys, values)))
def test_keys_that_are_no_texts_are_mistakes_too(tree: dict[object, object], some: dict[object, object]) -> None:
    path = _written("odd.yaml", yaml.safe_dump({**tree, "scenarios": some}))
    with pytest.raises(PlanError):
        load([str(path)], Overrides())


@given(st.dictionaries(keys, values, max_size=4), scenarios)
def test_any_data_is_a_plan_or_a_list_of_mistakes(tree: dict[str, object], some: dict[str, object]) -> None:
    path = _written("any.json", json.dumps({**tree, **({"scenarios": some} if some else {})}))
    try:
        load([str(path)], Overrides())
        mistakes = None
    except PlanError as error:
        mistakes = error.mistakes
    assert mistakes is None or (mistakes and all(mistake.what for mistake in mistakes))


def test_a_password_does_not_show_in_the_mistake_about_it() -> None:
    told = mistakes_of(GOOD.replace("http://127", "http://me:p4ss@127"))
    assert len(told) == 1
    assert told[0].startswith("suite.yaml:2 target = 'http://***@127.0.0.1:8000/': holds a password, which reports would show.")
    assert "p4ss" not in str(mistakes_of(GOOD + "http: {auth: {basic: p4ss}, headers: {Authorization: [p4ss]}}\n"))
