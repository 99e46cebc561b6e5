"""Django's own tests of its cache, out of the source package of the installed release: `make suite` fetches them."""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

import django

from tests.helpers import ROOT

FOLDER = ROOT / "build" / f"django-{django.__version__}"  # with the package `cache` in it, as in Django's tests


def fetch() -> None:
    """Bring the tests of the installed release into `FOLDER`, if they are not there yet."""
    if FOLDER.is_dir():
        return
    FOLDER.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as temporary:
        release = f"Django=={django.__version__}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--no-binary", "django", "--dest", temporary, release], check=True)
        (archive,) = Path(temporary).glob("*.tar.gz")
        unpacked = Path(temporary) / "tests"
        (unpacked / "cache").mkdir(parents=True)
        for name, text in sources(archive).items():
            (unpacked / "cache" / name).write_bytes(text)
        unpacked.rename(FOLDER)  # there as a whole or not at all


def sources(archive: Path) -> dict[str, bytes]:
    """Return the Python files of Django's tests/cache in *archive* by name, wherever it says that they should go."""
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as files:
        for member in files:
            path = PurePosixPath(member.name)
            wanted = path.parts[1:-1] == ("tests", "cache") and path.suffix == ".py" and member.isfile()
            if wanted and (file := files.extractfile(member)) is not None:
                found[path.name] = file.read()
    return found


if __name__ == "__main__":
    try:
        fetch()
    except subprocess.CalledProcessError as error:  # pip has said why
        sys.exit(error.returncode)
