"""The embedded server: shared by processes, stopped by the last one, and mended after any crash."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from lorebot.database import embedded, installation
from lorebot.errors import DatabaseError

#: The virtual environment's interpreter may lie in root's home.
SYSTEM_PYTHON = Path(f"/usr/bin/python3.{sys.version_info.minor}")
NOBODY = 65534

#: Starts the server, says so, and holds it until its input closes or it is killed.
_USER = """
import sys
from pathlib import Path
from lorebot.database import embedded
server = embedded.start(Path(sys.argv[1]))
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def data_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that other users can reach (pytest's own are closed), and with it the state that root keeps."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr(installation, "ROOT_STATE", Path(folder) / "state")
        yield Path(folder) / "data"


def _other_process(data_dir: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _USER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert "up\n" in iter(process.stdout.readline, "")
    return process


def _write(url: str, value: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists kept (value int)")
        connection.execute("insert into kept values (%s)", [value])
    with psycopg.connect(url) as connection:
        assert (value,) in connection.execute("select value from kept").fetchall()


def _postmaster(data_dir: Path) -> int:
    return int((installation.locate(data_dir).data / "postmaster.pid").read_text().split()[0])


def _wait_until_gone(data_dir: Path) -> None:
    lock = installation.locate(data_dir).home / "server.lock"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def test_processes_share_the_server_and_the_last_one_stops_it(data_dir: Path) -> None:
    """A second process joins; the server outlives the first and ends with the last."""
    first = embedded.start(data_dir)
    second = _other_process(data_dir)
    pid = _postmaster(data_dir)
    first.close()

    joined = embedded.start(data_dir)
    assert _postmaster(data_dir) == pid

    second.communicate("")
    joined.close()
    _wait_until_gone(data_dir)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first.url)


def test_kill_9_of_a_user_stops_the_server_cleanly_and_keeps_the_data(data_dir: Path) -> None:
    """The kernel gives the lock back, so a killed process is no different from one that ended."""
    user = _other_process(data_dir)
    _write(installation.locate(data_dir).url, 1)
    user.kill()
    user.communicate()
    _wait_until_gone(data_dir)

    server = embedded.start(data_dir)
    with psycopg.connect(server.url) as connection:
        assert connection.execute("select value from kept").fetchall() == [(1,)]
    server.close()


def test_kill_9_of_the_server_is_recovered_at_the_next_start(data_dir: Path) -> None:
    """Every acknowledged row is there again after the postmaster and its keeper are gone."""
    server = embedded.start(data_dir)
    _write(server.url, 2)
    os.kill(_postmaster(data_dir), signal.SIGKILL)
    server.close()

    again = embedded.start(data_dir)
    with psycopg.connect(again.url) as connection:
        assert connection.execute("select value from kept").fetchall() == [(2,)]
    again.close()


def test_a_foreign_pid_in_a_left_over_pid_file_is_not_taken_for_the_server(data_dir: Path) -> None:
    """After a container restart the number in postmaster.pid may be anybody's, even our own."""
    embedded.start(data_dir).close()
    _wait_until_gone(data_dir)
    pid_file = installation.locate(data_dir).data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n0\n5432\n/tmp\n\n0 0\nready\n")

    server = embedded.start(data_dir)
    _write(server.url, 3)
    server.close()


def test_many_processes_may_start_at_once(data_dir: Path) -> None:
    """Four starters on a fresh folder get one and the same server."""
    with ThreadPoolExecutor(4) as executor:
        processes = list(executor.map(_other_process, [data_dir] * 4))

    _write(installation.locate(data_dir).url, 4)
    for process in processes:
        process.communicate("")
        assert process.returncode == 0


def test_a_deep_folder_gets_a_socket_with_a_short_name(data_dir: Path) -> None:
    """A Unix socket's path has 107 bytes; data folders have no such limit."""
    deep = data_dir / ("d" * 60) / ("e" * 60)
    server = embedded.start(deep)
    _write(server.url, 5)
    server.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_works_for_root_behind_a_closed_folder(data_dir: Path) -> None:
    """Such as root's home, which stays closed."""
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700, parents=True)
    server = embedded.start(closed / "data")
    _write(server.url, 6)
    server.close()
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become another user; as such, every test here is one"
)
@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="there is no interpreter that a plain user could run")
def test_it_works_for_a_plain_user(data_dir: Path) -> None:
    """In a folder of their own, with nothing of root's."""
    data_dir.mkdir()
    os.chown(data_dir, NOBODY, NOBODY)
    packages = Path(psycopg.__file__).parents[1]
    result = subprocess.run(
        [str(SYSTEM_PYTHON), "-c", _USER, str(data_dir / "own")],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd=data_dir,
        env={"PYTHONPATH": f"{packages}:{Path(embedded.__file__).parents[2]}"},
        input="",
        capture_output=True,
        text=True,
        check=False,
    )

    assert "up\n" in result.stdout, result.stderr
    assert (data_dir / "own" / "postgres" / "data" / "PG_VERSION").stat().st_uid == NOBODY


def test_a_folder_that_cannot_be_written_is_one_clear_line(data_dir: Path) -> None:
    """A file where the data folder should be."""
    data_dir.write_text("")
    with pytest.raises(DatabaseError, match="choose another data_dir"):
        embedded.start(data_dir)
