"""The embedded server's keeper: starts PostgreSQL, and stops it when its last user has gone.

Every process that uses the server holds a shared lock on one file. The kernel releases it however the process
ends, ``kill -9`` included; so the keeper just waits for the exclusive lock and then stops the server. It runs
as a process of its own, which no user has to outlive.

Only the standard library is imported here: the keeper stays in memory as long as the server.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

#: Held, shared, by every process that uses the server.
USERS_LOCK = "users.lock"
#: Held by the keeper and, inherited, by every process of the server: free means that none of them lives.
SERVER_LOCK = "server.lock"

_PR_SET_PDEATHSIG = 1


def keep(*, command: list[str], uid: int | None, home: Path, log: Path) -> int:
    """Run the server until nobody uses it; return its exit code.

    SIGINT is PostgreSQL's fast shutdown: it ends open sessions, while SIGTERM would wait for them.
    """
    with (home / SERVER_LOCK).open("a") as server_lock:
        fcntl.flock(server_lock, fcntl.LOCK_EX)
        server = _start(command, uid, log, server_lock.fileno())
        threading.Thread(target=_stop_when_unused, args=(server, home / USERS_LOCK), daemon=True).start()
        return server.wait()


def _start(command: list[str], uid: int | None, log: Path, server_lock: int) -> subprocess.Popen[bytes]:
    libc = ctypes.CDLL(None)

    def die_with_keeper() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)

    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 (our own command line)
            command,
            user=uid,
            extra_groups=[] if uid is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[server_lock],
            preexec_fn=die_with_keeper,  # noqa: PLW1509 (no other thread runs yet)
        )


def _stop_when_unused(server: subprocess.Popen[bytes], users_lock: Path) -> None:
    with users_lock.open("a") as lock:
        # While this is held, a newcomer waits; it is released with the keeper's end, after the server's.
        fcntl.flock(lock, fcntl.LOCK_EX)
        server.send_signal(signal.SIGINT)
        server.wait()


def main() -> int:
    """Read what to keep from the one argument, a JSON object with the keywords of :func:`keep`."""
    arguments = json.loads(sys.argv[1])
    # A terminal's Ctrl-C and a supervisor's signal are for the users; the server ends with the last of them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    return keep(
        command=arguments["command"],
        uid=arguments["uid"],
        home=Path(arguments["home"]),
        log=Path(arguments["log"]),
    )


if __name__ == "__main__":
    sys.exit(main())
