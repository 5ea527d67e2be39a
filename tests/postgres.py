"""A real server of PostgreSQL for tests: `postgres` is one cluster for all tests, in a temporary folder, on a free port.

Its owner gets in by the socket without a password, everybody by TCP with one. Tests that use it are skipped, with what to install,
where there is no server.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmarks.processes import free_port

MISSING = "no server of PostgreSQL: neither initdb on the PATH nor /usr/lib/postgresql. Try: apt-get install postgresql"
NOBODY = 65534  # a server refuses to run as root
ASKED = "tests of PostgreSQL that did not run"
PASSWORD = "s3cret p@ss/word%"  # noqa: S105  each of its odd letters has a meaning in an address
QUOTED = "s3cret%20p%40ss%2Fword%25"
OFF = ("fsync", "full_page_writes", "autovacuum")  # files survive a server that is killed, not a machine that is
START_S = 120.0


@dataclass
class Server:
    """A cluster that runs.

    schemas: how many were handed out
    """

    binaries: Path
    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None
    schemas: int = 0
    users: list[str] = field(default_factory=list)

    def url(self, *, user: str = "owner", key: str = QUOTED, port: int = 0, **query: str) -> str:
        """The address by TCP."""
        asked = "&".join(f"{key}={value}" for key, value in query.items())
        return f"postgresql://{user}:{key}@127.0.0.1:{port or self.port}/postgres{f'?{asked}' if asked else ''}"

    def new_schema(self) -> str:
        """The name of a schema that nobody has."""
        self.schemas += 1
        return f"runs_{self.schemas}"

    def sql(self, *asked: str, within: str = "public") -> list[Any]:
        """Statements of the cluster's owner; gives the rows of the last one, if it has any.

        within: the schema that tables are looked for in, or an address that ends with it
        """
        import psycopg

        with psycopg.connect(host=str(self.folder), port=self.port, user="owner", dbname="postgres", autocommit=True) as db:
            db.execute(f"SET search_path = {within.rpartition('=')[2]}".encode())
            for each in asked:
                answer = db.execute(each.encode())
            return answer.fetchall() if answer.description else []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        given = [f"--{name}=off" for name in OFF]
        command = [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), "-p", str(self.port), *given]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, "-h", "127.0.0.1"], stdout=log, stderr=log, **_somebody())
        deadline = time.monotonic() + START_S
        while not self._answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                pytest.fail(f"the server does not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once; it is not asked twice."""
        if self.process is not None:
            self.process.send_signal(3)  # SIGQUIT: the server's "immediate shutdown"
            self.process.wait(timeout=START_S)
            self.process = None

    def _answers(self) -> bool:
        import psycopg

        try:
            self.sql("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _somebody() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Server]:
    binaries = _binaries()
    if binaries is None:
        pytest.skip(MISSING)
    pytest.importorskip("psycopg", reason="no driver of PostgreSQL. Try: pip install 'loadstone[postgres]'")
    with tempfile.TemporaryDirectory(prefix="loadstone-pg-") as name:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                os.chown(path, NOBODY, NOBODY)
        command = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "owner", "-E", "UTF8", "--no-locale", "--no-sync"]
        command += ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={folder / 'password'}"]
        made = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **_somebody())
        assert made.returncode == 0, made.stderr
        server = Server(binaries, folder, free_port())
        server.start()
        yield server
        server.stop()


@pytest.fixture
def postgres(_cluster: Server) -> Iterator[Server]:
    """The server, started again where a test stopped it; users and schemas that a test made are gone after it."""
    if _cluster.process is None:
        _cluster.start()
    yield _cluster
    if _cluster.process is None:
        _cluster.start()
    gone = [f"DROP SCHEMA {row[0]} CASCADE" for row in _cluster.sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'runs_%'")]
    gone += [f"DROP OWNED BY {user}; DROP USER {user}" for user in _cluster.users]
    _cluster.users.clear()
    if gone:
        _cluster.sql(*gone)


NewUrl = Callable[[], str]


@pytest.fixture
def new_url(postgres: Server) -> NewUrl:
    """Makes addresses of stores that are not there yet."""
    return lambda: postgres.url(schema=postgres.new_schema())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that nothing was tried on a server."""
    skipped = [report for report in terminalreporter.getreports("skipped") if "PostgreSQL" in str(report.longrepr)]
    if skipped:
        terminalreporter.section(ASKED, red=True, bold=True)
        terminalreporter.line(f"{len(skipped)} tests did not run, so nothing is known of stores in PostgreSQL. {MISSING}")
