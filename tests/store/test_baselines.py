"""Baselines: who may enter, who counts, and the files they are handed on in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.errors import StoreError
from loadstone.report.telling import document_of
from loadstone.store.admission import FIGURES, figures_of, refusal
from loadstone.store.baseline_files import read_file, summary, to_json, to_text
from loadstone.store.rows import UNFINISHED, Policy
from loadstone.store.store import Store
from loadstone.testing.kept_runs import PLAN_JSON, make_row
from loadstone.testing.samples import make_snapshot, make_story


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'runs.db'}") as store:
        yield store


def kept(store: Store, count: int, **changed: str) -> list[str]:
    return [store.begin(make_row(number, **changed), PLAN_JSON).id for number in range(count)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"verdict": UNFINISHED}, "did not come to its end"),
        ({"verdict": "fail"}, "is fail"),
        ({"verdict": "inconclusive"}, "is inconclusive"),
        ({"verdict": "untrustworthy"}, "is untrustworthy"),
        ({"trust": "untrustworthy"}, "not trustworthy"),
        ({"interrupted": True}, "interrupted"),
        ({"flagged": "slower by 12%"}, "flagged (slower by 12%)"),
    ],
)
def test_only_a_run_that_passed_may_enter(changed: dict[str, Any], said: str) -> None:
    assert said in refusal(make_row(id="abc", **changed))
    assert bool(refusal(make_row(id="abc", **changed), accept=True)) == ("flagged" not in changed)


def test_a_run_that_passed_may_enter() -> None:
    assert refusal(make_row(id="abc")) == ""
    assert refusal(make_row(id="abc", trust="degraded")) == ""


def judged(*gates: tuple[str, bool, bool], verdict: str = "inconclusive") -> dict[str, Any]:
    """A report whose gates have this status, compare, and are collecting."""
    told = [{"status": status, "compares": compares, "collecting": collecting} for status, compares, collecting in gates]
    return {"verdict": verdict, "gates": told, "metrics": {"http.response_time": {"count": 9, "p50": 1.0, "p95": 2.0, "p99": 3.0}}}


FINE, COLLECTING, UNCLEAR = ("pass", False, False), ("no_data", True, True), ("no_data", True, False)
WORSE, OTHER = ("fail", True, False), ("no_data", False, False)


def test_a_run_that_lacks_nothing_but_a_baseline_with_enough_runs_is_how_it_gets_them() -> None:
    row = make_row(id="abc", verdict="inconclusive")
    assert refusal(row, judged(FINE, COLLECTING)) == ""
    assert "is inconclusive" in refusal(row, judged(FINE, UNCLEAR))
    assert "is inconclusive" in refusal(row, judged(COLLECTING, OTHER))
    assert "is inconclusive" in refusal(row, judged(FINE))
    assert "is inconclusive" in refusal(row, judged(COLLECTING) | {"metrics": {}})


def test_a_run_that_only_comparisons_stopped_enters_when_a_person_accepts_it() -> None:
    slower = make_row(id="abc", verdict="fail", flagged="slower")
    assert "is fail" in refusal(slower, judged(FINE, WORSE, verdict="fail"))
    assert refusal(slower, judged(FINE, WORSE, verdict="fail"), accept=True) == ""
    assert refusal(slower, judged(("fail", False, False), WORSE, verdict="fail"), accept=True)
    assert refusal(make_row(id="abc", verdict="inconclusive"), judged(FINE, UNCLEAR), accept=True) == ""


def test_a_run_that_is_not_forgotten_is_told_with_its_baseline(store: Store) -> None:
    ids = kept(store, 2)
    store.make_baseline("main", Policy())
    store.add_member("main", ids[1], {})
    with pytest.raises(StoreError, match="belongs to the baseline main"):
        store.delete(ids)


def test_a_retired_baseline_says_so(store: Store) -> None:
    (run_id,) = kept(store, 1)
    store.make_baseline("main", Policy())
    store.add_member("main", run_id, {})
    store.retire("main")
    for use in (lambda: store.baseline("main"), lambda: store.add_member("main", run_id, {})):
        with pytest.raises(StoreError, match="is retired"):
            use()


def test_a_baseline_that_is_not_there_is_told_with_those_that_are(store: Store) -> None:
    store.make_baseline("nightly", Policy())
    with pytest.raises(StoreError, match="no baseline 'x'") as refused:
        store.baseline("x")
    assert "nightly" in str(refused.value)
    with pytest.raises(StoreError, match="is not in the baseline"):
        store.remove_member("nightly", "abc")
    for name in ("", " x", "a/b", "a~1"):
        with pytest.raises(StoreError, match="cannot be a baseline's name"):
            store.make_baseline(name, Policy())


def test_the_figures_of_a_run_are_those_of_its_report() -> None:
    document = document_of(make_story([make_snapshot(n) for n in range(10)])).model_dump(mode="json")
    figures = figures_of(document)
    assert figures["response_p95_ms"] == document["metrics"]["http.response_time"]["p95"]
    assert figures["success_rate"] == 1.0
    assert "peak_memory_mb" not in figures  # nobody watched the target, and nothing is not zero
    assert figures_of(document_of(make_story([])).model_dump(mode="json")) == {}


FIGURE = st.sampled_from([*FIGURES, "agent.search"])
MEMBER = st.dictionaries(FIGURE, st.floats(0, 1e15), min_size=1, max_size=5)  # times, shares and sizes are not negative


@settings(max_examples=20, deadline=None)
@given(st.lists(MEMBER, min_size=1, max_size=4))
def test_exported_and_imported_and_exported_again_holds_the_same_figures(
    tmp_path_factory: pytest.TempPathFactory, members: list[dict[str, float]]
) -> None:
    folder = tmp_path_factory.mktemp("baseline")
    with Store.open(f"sqlite:///{folder / 'a.db'}") as store:
        for name, wanted in (("one", members), ("other", None)):
            store.make_baseline(name, Policy(last=None))
            for figures in wanted if wanted is not None else read_file(folder / "one.json"):
                store.add_member(name, None, figures, source="one.json")
            (folder / f"{name}.json").write_text(to_json(store.baseline(name)))
            (folder / f"{name}.txt").write_text(to_text(store.baseline(name)))
        one, other = (json.loads((folder / f"{name}.json").read_text()) for name in ("one", "other"))
        assert one["figures"] == other["figures"]
        assert [each["figures"] for each in one["members"]] == [each["figures"] for each in other["members"]] == members
        assert read_file(folder / "one.txt") == [summary(members)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("{}", "no figure that is known"),
        ("", "no figure that is known"),
        ("hello: world", "no figure that is known"),
        ('{"response_p95_ms": "x"}', "is no number"),
        ('{"response_p95_ms": null}', "is no number"),
        ("response_p95_ms: nan", "is no number"),
        ('{"format": "other/1"}', "is of format 'other/1'"),
    ],
)
def test_a_file_without_figures_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "performance_baseline.txt"
    path.write_text(text)
    with pytest.raises(StoreError) as refused:
        read_file(path)
    assert said in str(refused.value)


def test_figures_under_other_names_and_units_are_known(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text('{"timestamp": "x", "metrics": {"response_time_p95": 0.25, "memory_peak_mb": 120, "else": 1}}')
    assert read_file(path) == [{"response_p95_ms": 250.0, "peak_memory_mb": 120.0}]
