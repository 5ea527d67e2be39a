"""Documents that are cut, damaged, newer or none: what can be read is told, and what cannot is named."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.errors import StoreError, UsageError
from loadstone.measure.packing import pack
from loadstone.measure.snapshot import Failure
from loadstone.report.json import render_json
from loadstone.report.reading import read_document
from loadstone.report.stored import told_of_document, told_of_parts
from loadstone.report.told import Told
from loadstone.store.rows import Packed
from loadstone.testing.kept_runs import make_parts, make_row
from loadstone.testing.samples import make_snapshot, make_story

STORY = make_story([make_snapshot(n, failures={Failure("status", "ask", "500"): 2}) for n in range(10)])
WHOLE = render_json(Told.of(STORY))
SCHEMA = json.loads((files("loadstone.report") / "schema" / "result-1.json").read_text(encoding="utf-8"))


def changed(**parts: Any) -> bytes:
    return json.dumps({**json.loads(WHOLE), **parts}).encode()


def test_a_whole_document_has_no_damage() -> None:
    document, damage = read_document(WHOLE, "x.json")
    assert damage == []
    assert render_json(told_of_document(WHOLE, "x.json")) == WHOLE
    assert document.verdict == STORY.verdict.value


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE) - 2))
def test_a_document_that_is_cut_anywhere_is_told_as_far_as_it_goes_or_refused(at: int) -> None:
    try:
        told = told_of_document(WHOLE[:at], "x.json")
    except UsageError:
        assert at < WHOLE.index(b'"metrics"')  # verdict and load are lost
        return
    if at < len(WHOLE.rstrip()):
        assert told.damage
    assert told.document.verdict == STORY.verdict.value
    jsonschema.validate(json.loads(render_json(told)), SCHEMA)


def test_a_document_that_is_cut_late_keeps_its_metrics_and_gates() -> None:
    told = told_of_document(WHOLE[: WHOLE.rindex(b'"provenance"')], "x.json")
    whole = json.loads(WHOLE)
    assert set(told.document.metrics) == set(whole["metrics"])
    assert len(told.document.gates) == len(whole["gates"])
    assert any("provenance" in line for line in told.damage)


def test_of_a_newer_document_the_known_part_is_told_and_the_rest_is_named() -> None:
    metrics = json.loads(WHOLE)["metrics"]
    metrics["http.requests"]["colour"] = "blue"
    gates = [{**gate, "mood": 3} for gate in json.loads(WHOLE)["gates"]]
    document, damage = read_document(changed(schema="loadstone.result/2", weather="fine", metrics=metrics, gates=gates), "x.json")
    assert document.metrics["http.requests"].unit
    assert len(document.gates) == len(gates)
    told = "\n".join(damage)
    assert "loadstone.result/2" in told
    assert "weather" in told
    assert "metrics.http.requests.colour" in told
    assert "gates.0.mood" in told


def test_only_the_part_that_is_damaged_is_taken_out() -> None:
    metrics = json.loads(WHOLE)["metrics"]
    metrics["http.requests"]["count"] = "many"
    errors = [*json.loads(WHOLE)["errors"], {"kind": 3}, *json.loads(WHOLE)["errors"]]
    document, damage = read_document(changed(metrics=metrics, errors=errors, score="high"), "x.json")
    assert set(document.metrics) == set(metrics) - {"http.requests"}
    assert len(document.errors) == len(errors) - 1
    assert document.score is None
    assert sorted(damage) == ["errors.1 cannot be read", "metrics.http.requests cannot be read", "score cannot be read"]


@pytest.mark.parametrize("data", [b"", b"no", b"[]", b'{"schema": "loadstone.sweep/1"}', b"\xff", b'{"a": 1}', b"]]]", b'{"schema": 3}'])
def test_what_is_no_document_of_a_run_is_refused_in_one_sentence(data: bytes) -> None:
    with pytest.raises(UsageError, match=r"x\.json"):
        read_document(data, "x.json")


@pytest.mark.parametrize("lost", ["verdict", "load"])
def test_without_verdict_or_load_nothing_is_made_up(lost: str) -> None:
    tree = {key: value for key, value in json.loads(WHOLE).items() if key != lost}
    with pytest.raises(UsageError, match=lost):
        read_document(json.dumps(tree).encode(), "x.json")


def test_a_document_of_a_version_that_told_less_still_follows_the_schema() -> None:
    old = json.loads(WHOLE)
    for key in ("decision", "recovery", "causes", "recommendations", "failure_patterns", "connection_memory", "events"):
        del old[key]
    told = told_of_document(json.dumps(old).encode(), "old.json")
    assert told.damage == ()
    jsonschema.validate(json.loads(render_json(told)), SCHEMA)


def test_a_kept_run_is_told_over_its_seconds_or_else_over_its_sections() -> None:
    by_section = told_of_parts(make_row(), make_parts(document=WHOLE))
    by_second = told_of_parts(make_row(), make_parts(document=WHOLE, keep_seconds=True))
    asked = sum(count for series, count in make_snapshot().counts.items() if series.metric == "http.requests")
    for told in (by_section, by_second):
        assert told.damage == ()
        assert sum(each.aggregate().count("http.requests") or 0 for each in told.timeline) == 10 * asked
        assert told.document.events  # of the store, because the document has none


def test_sections_that_cannot_be_unpacked_are_named_and_the_others_told() -> None:
    parts = make_parts(document=WHOLE)
    sections = tuple(each._replace(content=b"rubbish") if each.seq in {2, 3} else each for each in parts.sections)
    told = told_of_parts(make_row(), type(parts)(parts.plan_json, parts.document, parts.totals, sections))
    assert len(told.timeline) == len(sections) - 2
    assert len(told.damage) == 2
    assert "section from 2 to 3 s" in told.damage[0]


def test_many_damaged_stretches_are_counted_and_totals_that_are_damaged_are_named() -> None:
    seconds = tuple(Packed(n, n, n + 1.0, b"rubbish") for n in range(30))
    whole = make_parts(document=WHOLE)
    told = told_of_parts(make_row(), type(whole)(whole.plan_json, WHOLE, b"rubbish", whole.sections, seconds))
    assert len(told.timeline) == len(whole.sections)  # the sections stand in
    assert any("25 more seconds" in line for line in told.damage)
    assert any("totals" in line for line in told.damage)


def test_a_metric_that_only_scripts_recorded_keeps_its_scale() -> None:
    metrics = json.loads(WHOLE)["metrics"]
    metrics["my.time"] = {**metrics["http.response_time"], "unit": "s"}
    seconds = [make_snapshot(n) for n in range(4)]
    for snapshot in seconds:
        series = next(iter(snapshot.distributions))
        snapshot.distributions[series._replace(metric="my.time")] = snapshot.distributions[series]  # type: ignore[index]
    parts = make_parts(seconds, document=changed(metrics=metrics))
    recorded = max(values.max for snapshot in seconds for series, values in snapshot.distributions.items() if series.metric == "my.time")
    found = told_of_parts(make_row(), parts).catalogue["my.time"]
    assert found.unit == "s"
    assert recorded / found.scale == pytest.approx(metrics["my.time"]["max"], rel=1.0)
    assert pack(seconds[0])


def test_a_run_that_never_ended_has_no_report() -> None:
    with pytest.raises(StoreError, match="did not come to its end"):
        told_of_parts(make_row(), make_parts(document=b""))
