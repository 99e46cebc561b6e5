"""Django's tests are taken out of its source package, and nothing else is."""

import io
import tarfile
from pathlib import Path

import pytest

from tests import django_source


def packed(path: Path, members: dict[str, bytes], links: dict[str, str]) -> Path:
    """Write an archive of *members* and symbolic *links* at *path*."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
        for name, target in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
    return path


def test_only_the_tests_are_taken(tmp_path: Path) -> None:
    """Files of Python in tests/cache alone: nothing above it or below it, nothing by way of a link."""
    strays = ("x/setup.py", "x/tests/cache/deep/a.py", "x/y/tests/cache/a.py", "/tests/cache/b.txt", "../../cache/c.py")
    members = {"x/tests/cache/tests.py": b"1", "x/tests/cache/models.py": b"2", **dict.fromkeys(strays, b"stray")}
    archive = packed(tmp_path / "x.tar.gz", members, {"x/tests/cache/link.py": "/etc/passwd"})
    assert django_source.sources(archive) == {"tests.py": b"1", "models.py": b"2"}


def test_what_is_there_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No package is asked for where the folder is there."""
    monkeypatch.setattr(django_source, "FOLDER", tmp_path)
    monkeypatch.setattr(django_source.subprocess, "run", lambda *_args, **_options: pytest.fail("asked for"))
    django_source.fetch()
    assert list(tmp_path.iterdir()) == []


def test_it_is_the_installed_release_that_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is there as a whole, or, where the package cannot be had, not at all."""
    folder = tmp_path / "build" / "django-5.2.19"
    monkeypatch.setattr(django_source, "FOLDER", folder)
    monkeypatch.setattr(django_source.django, "__version__", "5.2.19")
    asked: list[list[str]] = []

    def pip(command: list[str], *, check: bool) -> None:
        assert check
        asked.append(command)
        if len(asked) == 1:
            raise ZeroDivisionError
        place = Path(command[command.index("--dest") + 1])
        packed(place / "django-5.2.19.tar.gz", {"django-5.2.19/tests/cache/tests.py": b"1"}, {})

    monkeypatch.setattr(django_source.subprocess, "run", pip)
    with pytest.raises(ZeroDivisionError):
        django_source.fetch()
    assert list(folder.parent.iterdir()) == []
    django_source.fetch()
    assert asked[1][-1] == "Django==5.2.19"
    assert [(path.name, path.read_bytes()) for path in folder.rglob("*.py")] == [("tests.py", b"1")]
