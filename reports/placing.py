"""Puts a report in its folder: files are built in a folder aside and then moved in, so that none is left half-written.

Afterwards the folder has the files of this report, and files that were never ours: `manifest.py` tells which is which.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal

from ..sim.errors import UserError, file_name, one_line
from ..sim.processes.interrupts import interrupts_held, raise_if_received, temporary_folder
from ..sim.sweep.store import in_the_way_of_a_sweep, plan_in
from . import manifest
from .manifest import Manifest, hash_of

Kind = Literal["run", "app", "verify", "sweep"]
PAGE = "report.html"
VERIFICATION_CHART = "verify.png"
FILES: dict[Kind, tuple[str, ...]] = {  # of each kind of report, without charts
    "run": ("summary.csv", "summary.parquet", PAGE),
    "app": ("summary.csv", "summary.parquet", "functions.csv", "call_sites.csv", "over_time.csv", PAGE),
    "verify": ("verify.csv", VERIFICATION_CHART),
    "sweep": ("summary.csv", "points.csv", PAGE),
}
CHARTS = (  # the ends of their files' names; the beginnings are not known before the runs
    *("saved_against_stale", "wrong_parts", "hits_against_stale", "stale_ages", "queries_over_time", "price"),
    *("traffic", "functions", "over_time", "wrong_ratio", "db_queries_per_s", "response_p99_s", "map"),
)
ASIDE = ".cachewise-unfinished-"  # no user's folder is called so: those that nobody holds are removed
ELSEWHERE = "move it away, or choose another folder"


def check_writable(out_dir: Path | str, kind: Kind = "run", reads: Iterable[str] = ()) -> None:
    """Make sure that a report of this *kind*, with files of *reads* if there are any, can be written to *out_dir*.

    Nothing is left there.

    Raises:
        UserError: if it cannot be written, or if a file that is not ours is in the way.
    """
    out = Path(out_dir)
    with _user_errors(out_dir), interrupts_held():
        _require_place(out)
        if not out.is_dir():
            _require_makeable(out)
            return
        with _held(out):  # not while another command moves its report there
            charts = [f"charts/{path.name}" for path in (out / "charts").glob("*.png") if _is_a_chart(path)]
            if kind == "sweep" and (name := in_the_way_of_a_sweep(out)):
                raise _cannot_write(out, f"cachewise did not make the {name} there; {ELSEWHERE}")
            kept = [f"reads/{name}" for name in reads]
            _require_free(out, kind, [*FILES[kind], *(charts if kind != "verify" else []), *kept])
            for folder in (out, *[out / "charts"] * (kind != "verify"), *[out / "reads"] * bool(kept)):
                if os.path.lexists(folder):
                    if not folder.is_dir():
                        raise _cannot_write(out, f"{folder.name} there is a file, not a folder; {ELSEWHERE}")
                    tempfile.TemporaryFile(dir=folder).close()


def _require_makeable(out: Path) -> None:
    """Make sure that the folder *out* can be made. It is tried aside, so that another command may make it meanwhile."""
    whole = Path(os.path.abspath(out))  # noqa: PTH100 - a `..` must not lead out of the folder aside
    above = next(one for one in whole.parents if os.path.lexists(one))  # not a folder: making one in it fails
    with temporary_folder(ASIDE, above) as aside:
        _make(aside / whole.relative_to(above))


def _is_a_chart(path: Path) -> bool:
    return path.stem.rpartition("-")[2] in CHARTS


def place(out_dir: Path | str, kind: Kind, build: Callable[[Path], None]) -> Path:
    """Let *build* write its files to a folder aside, move them to *out_dir*, and return *out_dir*."""
    placed = False
    try:
        with _user_errors(out_dir):
            _require_place(Path(out_dir))
            with folder_aside(out_dir) as aside:
                build(aside)
                built = sorted(path for path in aside.rglob("*") if path.is_file())
                hashes = {path.relative_to(aside).as_posix(): hash_of(path) for path in built}
                raise_if_received()
                with _held(Path(out_dir)):
                    earlier = _require_free(Path(out_dir), kind, hashes)
                    with interrupts_held():
                        _move(aside, Path(out_dir), hashes, earlier, of_sweep=kind == "sweep")
                        placed = True
    except KeyboardInterrupt:
        if not placed:  # otherwise the interruption came too late: the report is complete
            raise
    return Path(out_dir)


@contextmanager
def folder_aside(out_dir: Path | str) -> Iterator[Path]:
    """Make a folder inside *out_dir* for files that become part of a report; it is removed afterwards.

    It is inside because *out_dir* may be a mount: a move is atomic only within one file system. Folders that killed
    commands have left there are removed.
    """
    with _folder(Path(out_dir)) as out, ExitStack() as kept:
        with _held(out):
            _remove_abandoned(out)
            aside = kept.enter_context(temporary_folder(ASIDE, out))
            kept.enter_context(_held(aside))
        yield aside


def _remove_abandoned(out: Path) -> None:
    for path in out.glob(f"{ASIDE}*"):
        with suppress(OSError), _held(path, wait=False) as held:
            if held:  # no other command is using it
                shutil.rmtree(path)


@contextmanager
def _held(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Lock *folder* against other commands during the block; yield whether it is locked."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        held = True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:  # another command has it, or this file system has no locks
            held = False
        yield held
    finally:
        os.close(handle)


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """Make *out* and its missing parents; those that are empty afterwards are removed again."""
    missing = _missing(out)
    try:
        _make(out)
        yield out
    finally:
        with interrupts_held():
            _remove_empty(missing)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except ValueError as error:  # a character that no path can have, such as a zero byte
        raise _cannot_write(folder, one_line(error)) from error


@contextmanager
def _user_errors(out_dir: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or one_line(error)
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason = f"you have no permission to write there ({reason})"
        raise _cannot_write(out_dir, reason) from error


def _cannot_write(out_dir: Path | str, reason: str) -> UserError:
    return UserError(f"cannot write the report to {file_name(out_dir)!r}: {reason}")


def _require_place(out: Path) -> None:
    """Make sure that *out* is a folder, or that one can be made there.

    Raises:
        UserError: if *out* or one of its parents is a file or a broken link.
    """
    for place in (out, *out.parents):
        if place.is_dir():
            return
        it = "it" if place == out else file_name(place)
        if place.is_file():
            raise _cannot_write(out, f"{it} is a file, not a folder")
        if place.is_symlink():
            raise _cannot_write(out, f"{it} is a link to {file_name(place.readlink())}, which is no folder")


def _require_free(out: Path, kind: Kind, names: Iterable[str]) -> dict[str, str]:
    """Make sure that a report of this *kind* may write files of these *names* to *out*; return our files, with hashes.

    Raises:
        UserError: if one of them exists and is not ours, or if the folder has a report of the other kind.
    """
    try:
        ours = Manifest.of(out)
    except UserError as error:
        raise _cannot_write(out, str(error)) from None
    unchanged = ours.ours()
    _require_kind(out, of_sweep=kind == "sweep", of_run=bool(unchanged) and not ours.of_sweep)
    taken = [name for name in names if name not in unchanged and os.path.lexists(out / name)]
    if taken:
        name = taken[0]
        what = f"there is already a {name} that cachewise has no record of writing"
        if (out / name).is_dir():
            what = f"{name} there is a folder"
        elif name in ours.hashes:
            what = f"{name} there was changed since cachewise wrote it"
        more = f" (and {len(taken) - 1} more such)" if len(taken) > 1 else ""
        raise _cannot_write(out, f"{what}{more}; {ELSEWHERE}")
    return unchanged


def _require_kind(out: Path, *, of_sweep: bool, of_run: bool) -> None:
    """Make sure that a sweep does not replace the report of a run that is in *out* (*of_run*), nor a run a sweep.

    Raises:
        UserError: if it would.
    """
    if not of_sweep and plan_in(out):
        raise _cannot_write(
            out, f"a sweep is in it (cachewise resume {file_name(out)} goes on with it); choose another folder"
        )
    if of_sweep and of_run:
        raise _cannot_write(out, "the report of a run is in it, and this is a sweep; choose another folder")


def _missing(out: Path) -> list[Path]:
    """Return *out* and its parents, as far as they do not exist yet, the deepest first."""
    return [folder for folder in (out, *out.parents) if not folder.exists()]


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _move(aside: Path, out: Path, hashes: Mapping[str, str], earlier: Mapping[str, str], *, of_sweep: bool) -> None:
    """Move the files of these *hashes* into place, and remove what is left of an *earlier* report.

    The page comes last, so that a new page never stands beside old figures. If the command is killed meanwhile, the
    list names the files of both reports.
    """
    both = {name: [found[name] for found in (hashes, earlier) if name in found] for name in {**hashes, **earlier}}
    lists = {aside / "during": both, aside / "after": {name: [one] for name, one in hashes.items()}}
    for path, found in lists.items():
        path.write_text(Manifest(out, found, of_sweep).text(), encoding="utf-8")
    for parent in {(out / name).parent for name in hashes}:
        parent.mkdir(exist_ok=True)
    during, after = lists
    during.replace(out / manifest.NAME)
    for name in hashes:
        if name != PAGE:
            (aside / name).replace(out / name)
    manifest.remove(out, [name for name in earlier if name not in hashes])
    if PAGE in hashes:
        (aside / PAGE).replace(out / PAGE)
    after.replace(out / manifest.NAME)
