"""Every command on the pages runs: shortened, in the order of its page, on the files that the page shows."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from cachewise.sim.command.choose import app_files
from tests.docs.pages import PAGES, QUICK, blocks, commands, succeed

ELSEWHERE = {"docs/sweeps.md": "tests/docs/test_sweeps.py"}  # pages whose commands another file of tests runs
# A command that stands on several pages runs once: those of the README on the page of their task.
PAGE_OF = {
    shlex.join(command): page
    for page in sorted(PAGES, key=lambda name: (name != "README.md", name))
    for command in commands(PAGES[page])
}
HERE = sorted({*PAGE_OF.values()} - {*ELSEWHERE})
CACHES = """
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "KEY_PREFIX": "shop"},
    "sessions": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:6379/0"},
}
"""


def write_files(text: str) -> None:
    """Write each block of CSV, TOML or a log of a page that follows the name of its file in backticks."""
    shown = re.findall(
        r"`([\w.-]+\.(?:csv|toml|log))`[^`]*:\n\n```(?:csv|toml|log)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
    )
    for name, content in shown:
        Path(name).write_text(content)


def write_project(text: str) -> None:
    """Write the project that a page takes for the reader's: `shop/settings.py` with caches, or all of the shop."""
    if "--app shop.settings" in text:
        shutil.copytree(app_files()["shop_app"].parent, ".", dirs_exist_ok=True)
        Path("cache_experiment.py").unlink()
    elif "--settings shop.settings" in text:
        Path("shop").mkdir()
        Path("shop/settings.py").write_text(CACHES)


def edit_experiment() -> None:
    """Make of the first experiment what the reader of docs/own-app.md ends up with."""
    assert "REPLACE" in Path("cache_experiment.py").read_text()
    Path("cache_experiment.py").write_text(blocks(PAGES["docs/own-app.md"], "python")[0])


@pytest.mark.servers
@pytest.mark.parametrize("name", HERE)
def test_every_command_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ends with exit code 0."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for module in [one for one in sys.modules if one.partition(".")[0] == "shop"]:
        monkeypatch.delitem(sys.modules, module)
    write_files(PAGES[name])
    write_project(PAGES[name])
    for command in commands(PAGES[name]):
        if PAGE_OF[shlex.join(command)] == name:
            succeed(*command, *quick(command))
            if command[:2] == ["init", "--app"]:
                edit_experiment()


def quick(command: list[str]) -> list[str]:
    """Return what makes a command short; an option that it names itself stays."""
    more = [*QUICK.get(command[0], []), *(["--variant", "on commit"] if "shop_app" in command else [])]
    named = {word for word in command if word in ("--backend", "--strategy", "--backend-settings", "--settings")}
    if named & {"--backend-settings", "--settings"}:
        named.add("--backend")
    pairs = list(zip(more[::2], more[1::2], strict=True))
    return [word for option, value in pairs if option not in named for word in (option, value)]


@pytest.mark.parametrize(("page", "tests"), ELSEWHERE.items())
def test_what_runs_elsewhere_does(page: str, tests: str) -> None:
    """The file of tests is there, and reads the page."""
    assert Path(page).name in (Path(__file__).parents[2] / tests).read_text()
