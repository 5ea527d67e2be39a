"""Runs in the SQLite store: kept, found, named, handed on, forgotten."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadstone.errors import StoreError
from loadstone.measure.aggregate import Aggregate
from loadstone.store.bundle import MANIFEST, read_bundle, write_bundle
from loadstone.store.location import chosen_url, default_url, path_of, scheme_of
from loadstone.store.rows import RunParts
from loadstone.store.run_rows import new_id
from loadstone.store.schema import work_hash
from loadstone.store.store import Store
from loadstone.testing.kept_runs import BEGAN, PLAN_JSON, make_parts, make_row
from loadstone.testing.samples import make_snapshot


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'runs.db'}") as store:
        yield store


def test_a_run_comes_back_as_it_was_measured(store: Store) -> None:
    snapshots = [make_snapshot(seq) for seq in range(200)]
    row = store.begin(make_row(seconds=200.0), PLAN_JSON)
    store.finish(row, make_parts(snapshots))
    run, whole = store.load(row.id), Aggregate(snapshots)
    assert run.row == row
    assert run.totals.seconds == 200.0
    assert run.totals.distribution("http.response_time") == whole.distribution("http.response_time")
    assert run.totals.count("http.requests") == whole.count("http.requests") == sum(s.count("http.requests") or 0 for s in run.sections)
    assert run.totals.gauge("generator.cpu") == whole.gauge("generator.cpu")
    assert len(run.sections) == len(run.spans) == 50
    assert run.document["verdict"] == "pass"
    assert [event.kind for event in run.events] == ["phase", "notice few"]


def test_a_name_that_fits_no_run_or_several_is_told_with_what_is_kept(store: Store) -> None:
    for number, name in enumerate(("aa1", "aa2", "ab1")):
        store.begin(make_row(number, id=name), PLAN_JSON)
    for name, said in (("aa", "several runs: aa1, aa2"), ("zz", "no run 'zz'"), ("last~3", "3 are kept"), ("last~x", "names no run")):
        with pytest.raises(StoreError, match=said):
            store.run(name)


def test_a_run_that_is_forgotten_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    import sqlite3

    row = store.begin(make_row(tags={"a": "b"}), PLAN_JSON)
    store.finish(row, make_parts(keep_seconds=True))
    store.delete([row.id])
    store.close()
    db = sqlite3.connect(tmp_path / "runs.db")
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert "sections" in tables
    assert {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables} == dict.fromkeys(tables, 0)  # noqa: S608
    db.close()


def test_ids_are_short_and_sort_by_time() -> None:
    ids = [new_id(BEGAN + timedelta(seconds=step)) for step in range(0, 10**8, 10**6)]
    assert {len(each) for each in ids} == {9}
    assert ids == sorted(ids)


def test_only_the_work_decides_whether_runs_did_the_same() -> None:
    plan = json.loads(PLAN_JSON)
    assert work_hash(json.dumps({**plan, "name": "x", "target": "http://h", "gates": ["a"], "tags": {"a": "b"}})) == work_hash(PLAN_JSON)
    assert work_hash(json.dumps({**plan, "scenarios": [{"name": "other"}]})) != work_hash(PLAN_JSON)
    assert work_hash(json.dumps({**plan, "seed": 2})) != work_hash(PLAN_JSON)
    assert work_hash(json.dumps({**plan, "pressure": {"cpu": 1, "for_s": 30.0}})) != work_hash(PLAN_JSON)
    assert work_hash(json.dumps({**plan, "pressure": None, "voice": {"rate_hz": 8000}})) == work_hash(PLAN_JSON)  # nobody calls


def test_patience_decides_what_is_dropped_and_workers_only_share_the_work_out() -> None:
    plan = json.loads(PLAN_JSON)
    assert work_hash(json.dumps({**plan, "patience_s": 1.0})) != work_hash(PLAN_JSON)
    assert work_hash(json.dumps({**plan, "patience_s": 10.0, "workers": 4})) == work_hash(PLAN_JSON)


def test_a_bundle_of_an_earlier_version_gets_the_hash_of_its_work_now(tmp_path: Path) -> None:
    path, parts = tmp_path / "run.tar.gz", make_parts([make_snapshot(0)])
    path.write_bytes(write_bundle(make_row(id="abc", work_hash="0" * 16 + "+ab"), parts))
    assert read_bundle(path)[0].work_hash == work_hash(parts.plan_json) + "+ab"


def test_calls_of_other_sound_are_other_work_and_what_judges_them_is_none() -> None:
    plan = {"scenarios": [{"name": "calls", "steps": [{"name": "talk", "voice": {"say": "hello"}}]}]}
    wide, narrow, judged = (
        work_hash(json.dumps({**plan, "voice": voice}))
        for voice in ({"rate_hz": 16000}, {"rate_hz": 8000}, {"rate_hz": 16000, "targets": {"gap": 0.5}, "calibrate": False})
    )
    assert wide != narrow
    assert wide == judged


@settings(max_examples=15, deadline=None)
@given(count=st.integers(0, 30), keep=st.booleans(), tags=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_exported_and_imported_and_exported_again_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, count: int, keep: bool, tags: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    with Store.open(f"sqlite:///{folder / 'a.db'}") as one, Store.open(f"sqlite:///{folder / 'b.db'}") as other:
        row = one.begin(make_row(seconds=float(count), tags=tags), PLAN_JSON)
        one.finish(row, make_parts([make_snapshot(seq) for seq in range(count)], keep_seconds=keep))
        first = write_bundle(one.run(row.id), one.parts(row.id))
        (folder / "run.tar.gz").write_bytes(first)
        other.add(*read_bundle(folder / "run.tar.gz"))
        assert write_bundle(other.run(row.id), other.parts(row.id)) == first
        with pytest.raises(StoreError, match="there already"):
            other.add(*read_bundle(folder / "run.tar.gz"))


def rewritten(data: bytes, change: Callable[[dict[str, bytes]], None], link: str = "") -> bytes:
    """The bundle with other members."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        contents = {info.name: (tar.extractfile(info) or io.BytesIO()).read() for info in tar}
    change(contents)
    whole = io.BytesIO()
    with gzip.GzipFile(fileobj=whole, mode="wb") as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if name == link:
                info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0
            tar.addfile(info, io.BytesIO(content))
    return whole.getvalue()


def with_row(contents: dict[str, bytes], **changed: object) -> None:
    manifest = json.loads(contents[MANIFEST])
    manifest["run"] |= changed
    contents[MANIFEST] = json.dumps(manifest).encode()


BAD: dict[str, Callable[[dict[str, bytes]], object]] = {
    "holds '../../evil'": lambda members: members.update({"../../evil": b"x"}),
    "holds '/etc/evil'": lambda members: members.update({"/etc/evil": b"x"}),
    "lacks plan.json": lambda members: members.pop("plan.json"),
    "document.json is damaged": lambda members: members.update({"document.json": b"{}"}),
    "is of format 'other/9'": lambda members: members.update({MANIFEST: b'{"format": "other/9"}'}),
    "is no bundle of a run": lambda members: members.update({MANIFEST: b"[]"}),
    "other fields: evil": lambda members: with_row(members, evil=1),
    "seconds is no number": lambda members: with_row(members, seconds="x"),
    "id is none": lambda members: with_row(members, id="../x"),
    "no time zone": lambda members: with_row(members, started_at="2026-01-01T00:00:00"),
}


@pytest.mark.parametrize("said", BAD)
def test_a_bundle_that_does_not_fit_is_refused(said: str, tmp_path: Path) -> None:
    path = tmp_path / "run.tar.gz"
    path.write_bytes(rewritten(write_bundle(make_row(id="abc"), make_parts()), BAD[said]))  # type: ignore[arg-type]
    with pytest.raises(StoreError) as refused:
        read_bundle(path)
    assert said in str(refused.value)


def test_a_link_or_a_cut_or_another_file_is_no_bundle(tmp_path: Path) -> None:
    path, whole = tmp_path / "run.tar.gz", write_bundle(make_row(id="abc"), make_parts())
    for data in (rewritten(whole, lambda _members: None, link="plan.json"), whole[: len(whole) // 2], b"", b"hello", whole[:10]):
        path.write_bytes(data)
        with pytest.raises(StoreError):
            read_bundle(path)
    with pytest.raises(StoreError, match="cannot be read"):
        read_bundle(tmp_path / "nothing")


def test_measurements_that_cannot_be_read_are_refused_although_their_checksum_fits(tmp_path: Path) -> None:
    path = tmp_path / "run.tar.gz"
    path.write_bytes(write_bundle(make_row(id="abc"), RunParts(PLAN_JSON, b"{}", b"garbage")))
    with pytest.raises(StoreError, match="not a packed stretch"):
        read_bundle(path)


def test_the_nearest_folder_upwards_is_the_place_else_the_root_of_the_repository(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    assert default_url(deep) == f"sqlite:///{tmp_path / '.loadstone' / 'loadstone.db'}"
    (tmp_path / "a" / ".loadstone").mkdir()
    assert default_url(deep) == f"sqlite:///{tmp_path / 'a' / '.loadstone' / 'loadstone.db'}"


def test_a_flag_stands_above_the_environment_and_none_keeps_nothing(tmp_path: Path) -> None:
    assert chosen_url("x.db", {"LOADSTONE_STORE": "y.db"}) == ("sqlite:///x.db", True)
    assert chosen_url(None, {"LOADSTONE_STORE": "sqlite:////y.db"}) == ("sqlite:////y.db", True)
    assert chosen_url(None, {"LOADSTONE_STORE": "none"}) == (None, True)
    assert chosen_url(None, {}, tmp_path)[1] is False
    for half in ("sqlite:/y.db", "postgresql:y", "SQLite+x:y.db"):
        with pytest.raises(StoreError, match="half an address"):
            chosen_url(half, {})
    assert path_of("sqlite:////tmp/y.db") == Path("/tmp/y.db")  # noqa: S108  only a name
    assert scheme_of("PostgreSQL+psycopg://h/db") == "postgresql"


@pytest.mark.parametrize("url", ["runs.db", "sqlite:", "postgresql://h/db", "sqlite://host/x", "sqlite:///"])
def test_an_address_that_is_none_or_of_an_unknown_kind_is_told(url: str) -> None:
    with pytest.raises(StoreError):
        Store.open(url)
