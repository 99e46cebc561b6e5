"""Backends of one's own: CACHES entries from files and settings modules, on private places and virtual time."""

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache

import cachewise
from cachewise import Row, Scenario, Site, UserError
from cachewise.sim.backends import backend_named
from cachewise.sim.backends.entries import default_timeout
from cachewise.strategies import DeleteOnWrite, TtlOnly
from tests.docs.pages import PAGES, blocks
from tests.helpers import Custom, cli, refused, run, script

EXAMPLES = dict(zip(("pylibmc", "valkey", "diskcache"), blocks(PAGES["docs/backends.md"], "toml"), strict=True))
TRAFFIC = Scenario(
    "traffic",
    keys=40,
    reads_per_s=80,
    writes_per_s=4,
    duration_s=30,
    warmup_s=0,
    cache_rtt_s=0.001,
    transaction_tail_s=0.05,
    workers=2,
)


SETTINGS_MODULE = """
    REDIS = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:6379/0"}
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "TIMEOUT": 60,
            "KEY_PREFIX": "shop",
            "VERSION": 3,
        },
        "redis": {**REDIS, "OPTIONS": {"db": 3, "password": "secret"}},
    }
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder, the current one, with the guide's examples and a settings module in it."""
    for name, text in EXAMPLES.items():
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "shop_settings.py").write_text(textwrap.dedent(SETTINGS_MODULE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "shop_settings", raising=False)
    return tmp_path


@pytest.mark.servers
@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.usefixtures("files")
def test_the_guides_examples_run(name: str) -> None:
    """Each example gives, without expiry, the very reads of the shared backend: same calls, same virtual time."""
    found = run(TRAFFIC, DeleteOnWrite(timeout=None), backend=f"./{name}.toml", seed=3).reads
    assert found.equals(run(TRAFFIC, DeleteOnWrite(timeout=None), seed=3).reads)


@pytest.mark.servers
@pytest.mark.parametrize("name", EXAMPLES)
def test_calls_on_many_take_djangos_arguments(files: Path, name: str) -> None:
    """By position and by name, with keys and without."""
    found: list[Any] = []

    def read(site: Site, key: str) -> Row:
        if not found:
            site.cache.set_many({"a": 1}, timeout=5)
            site.cache.set_many({"b": 2}, 5, version=1)
            site.cache.set_many({}, timeout=5)
            found.append(site.cache.get_many(["a", "b"], version=1))
            site.cache.delete_many(["a"], version=1)
            found.append(site.cache.get_many(keys=["a", "b"]))
            site.cache.set_many(data={"c": 3, "d": 4}, timeout=5)
            site.cache.delete_many(keys=["c"])
            found.append(site.cache.get_many(keys=["c", "d"], version=None))
            site.cache.set_many(data={})
            site.cache.delete_many(keys=[])
            found.append(site.cache.get_many(keys=[]))
        return Row(key, 0, b"")

    run(script(files, [(0.0, "read", "k"), (0.75, "read", "k")]), Custom(read), backend=f"./{name}.toml")
    assert found == [{"a": 1, "b": 2}, {"b": 2}, {"d": 4}, {}]


RENAMED = """
    from django.core.cache.backends.base import DEFAULT_TIMEOUT
    from django.core.cache.backends.memcached import PyLibMCCache

    class Own(PyLibMCCache):
        def set_many(self, items, timeout=DEFAULT_TIMEOUT, version=None):
            return super().set_many(items, timeout, version)
"""


@pytest.mark.servers
def test_calls_on_many_keep_the_names_of_a_class(files: Path) -> None:
    """A class that calls its arguments in its own way is called in that way, and a round trip is counted."""
    (files / "renaming.py").write_text(textwrap.dedent(RENAMED))
    (files / "renaming.toml").write_text('BACKEND = "renaming.Own"\n')
    log: list[Any] = []

    def read(site: Site, key: str) -> Row:
        cache: Any = site.cache
        cache.set_many(items={"a": 1})
        assert cache.get_many(keys=["a"]) == {"a": 1}
        return Row(key, 0, b"")

    scenario = script(files, [(0.0, "read", "k"), (0.75, "read", "k")])
    done = run(scenario, Custom(read), backend="./renaming.toml", log=log)
    assert [call.method for call in log] == ["set_many", "get_many"] * 2
    assert done.summary["cache_calls_per_request"] == 2


LIVES = {"pylibmc": [True, False, False], "valkey": [True, True, False], "diskcache": [True, True, False]}


@pytest.mark.servers
@pytest.mark.parametrize("name", EXAMPLES)
def test_they_expire_on_virtual_time(files: Path, name: str) -> None:
    """Set at 0.75 for 100 s: gone after that, in virtual time (memcached counts whole seconds of its own)."""
    found: list[bool] = []

    def read(site: Site, key: str) -> Row:
        if key == "set":
            site.cache.set("k", 1, 100)
        elif key.startswith("look"):
            found.append(site.cache.get("k") == 1)
        return Row(key, 0, b"")

    looks = [(at_s, "read", f"look {at_s}") for at_s in (99.5, 100.5, 101.5)]
    scenario = script(files, [(0.0, "read", "start"), (0.75, "read", "set"), *looks])
    run(scenario, Custom(read), backend=f"./{name}.toml")
    assert found == LIVES[name]


@pytest.mark.usefixtures("files")
def test_the_real_limits_show() -> None:
    """A settings entry without OPTIONS culls at Django's 300, with its own key prefix and version."""
    many = replace(TRAFFIC, name="many", keys=2000, read_popularity="uniform", reads_per_s=500, workers=None)
    seen: set[tuple[str, int, int]] = set()

    def read(site: Site, key: str) -> Row:
        cache: Any = site.cache
        seen.add((cache.make_key("k"), cache.version, cache.default_timeout))
        return TtlOnly(timeout=300).read(site, key)

    result = run(many, Custom(read), backend="settings:shop_settings")
    assert 200 <= result.summary["entries_end"] <= 300
    assert seen == {("shop:3:k", 3, 60)}
    assert default_timeout("settings:shop_settings") == {"timeout": 60}
    assert default_timeout("settings:shop_settings:redis") == default_timeout("redis") == {}


@pytest.mark.servers
@pytest.mark.usefixtures("files")
def test_its_location_is_never_used() -> None:
    """A Redis of one's own is left alone: the run is on a private one, with one's database number and no password."""
    backend = "settings:shop_settings:redis"
    assert run(TRAFFIC, DeleteOnWrite(), backend=backend, seed=3).summary["hit_ratio"] > 0.5
    assert cachewise.run(TRAFFIC, DeleteOnWrite(), backend=backend, seed=3).summary["entries_end"] > 20


LIKE = "Django's are named like 'django.core.cache.backends.redis.RedisCache'"
NO_NONE = "it must be seconds, 0 or more, or None (for which TOML has no word: use --settings, or --timeout none)"
NO_BACKEND = "it must have a BACKEND, the path of a cache class, as an entry of CACHES does"
WRONG = [
    (
        'BACKEND = "diskcache.DjangoCach"',
        "BACKEND 'diskcache.DjangoCach': unknown class 'DjangoCach'; did you mean 'DjangoCache'?",
    ),
    ('BACKEND = "nowhere.Cache"', "BACKEND 'nowhere.Cache': No module named 'nowhere'"),
    ('BACKEND = "x.Y"\nTIMEOT = 3', "unknown key 'TIMEOT'; did you mean 'TIMEOUT'?"),
    ('LOCATION = "x"', NO_BACKEND),
    ('BACKEND = "os.path.join"', f"BACKEND 'os.path.join' is no cache class (it is a function); {LIKE}"),
    ('BACKEND = "collections.Counter"', f"BACKEND 'collections.Counter' is no cache class (it has no set()); {LIKE}"),
    ('BACKEND = "LocMemCache"', "BACKEND 'LocMemCache': write the module before it, with a dot between"),
    ('BACKEND = "antigravity_.X"', "BACKEND 'antigravity_.X': No module named 'antigravity_'"),
    ('BACKEND = "x.Y"\nOPTIONS = 3', "OPTIONS = 3: it must be a table of options"),
    ('BACKEND = "x.Y"\nTIMEOUT = "abc"', f"TIMEOUT = 'abc': {NO_NONE}"),
    ('BACKEND = "x.Y"\nTIMEOUT = "None"', f"TIMEOUT = 'None': {NO_NONE}"),
    ('BACKEND = "x.Y"\nTIMEOUT = -1', f"TIMEOUT = -1: {NO_NONE}"),
    ('BACKEND = "x.Y"\nVERSION = "x"', "VERSION = 'x': it must be a whole number"),
    ('BACKEND = "x.Y"\nKEY_PREFIX = 3', "KEY_PREFIX = 3: it must be text"),
    ('BACKEND = "x.Y"\nKEY_FUNCTION = "no.such"', "KEY_FUNCTION 'no.such': No module named 'no'"),
    ('BACKEND = "x.Y"\nKEY_FUNCTION = "os.sep"', "KEY_FUNCTION 'os.sep' is no function"),
    ('BACKEND = "x.Y"\nKEY_FUNCTION = 3', "KEY_FUNCTION = 3: it must be a function or its path"),
    (
        '[CACHES.default]\nBACKEND = "x.Y"',
        f"{NO_BACKEND}; write it at the top of the file, not in the table [CACHES.default]",
    ),
    ("BACKEND = ", "not valid TOML: Invalid value (at end of document)"),
]


@pytest.mark.parametrize(("text", "problem"), WRONG)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    """What is wrong with an entry is said with the file's name."""
    path = tmp_path / "cache.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        backend_named(str(path))
    assert str(caught.value).endswith(f"cache.toml: {problem}")


def test_of_a_long_path_the_end_is_said(tmp_path: Path) -> None:
    """What is wrong is said with the file's own name, however deep its folder lies."""
    path = tmp_path / ("deep" * 20) / "cache.toml"
    with pytest.raises(UserError) as caught:
        backend_named(str(path))
    assert str(caught.value) == f"...{str(path)[-77:]}: No such file or directory"


@pytest.mark.servers
@pytest.mark.parametrize(
    ("path", "missing", "says"),
    [
        ("django_valkey.cache.ValkeyCache", "django_valkey", "python -m pip install django-valkey"),
        ("diskcache.DjangoCache", "diskcache", "python -m pip install diskcache"),
        (
            "django.core.cache.backends.memcached.PyLibMCCache",
            "pylibmc",
            "not installed: pylibmc; python -m pip install pylibmc",
        ),
    ],
)
def test_a_package_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, missing: str, says: str
) -> None:
    """Where a cache's package is missing, the message says what to install."""
    for name in [one for one in sys.modules if one.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    (tmp_path / "cache.toml").write_text(f'BACKEND = "{path}"')
    with pytest.raises(UserError) as caught:
        run(TRAFFIC, TtlOnly(), backend=str(tmp_path / "cache.toml"))
    assert str(caught.value).endswith(says)


def test_what_a_settings_module_may_be(files: Path) -> None:
    """A TIMEOUT is a whole number or None, as Django makes it; a module that ends Python ends nothing here."""
    timeouts = ["60", " 6_0 ", None, 2.9, 0.5, 7]
    (files / "odd_settings.py").write_text(
        f'CACHES = {{str(t): {{"BACKEND": "x.Y", "TIMEOUT": t}} for t in {timeouts}}}\n'
        'CACHES["quoted"] = {"BACKEND": "x.Y", "TIMEOUT": "None"}\n'
    )
    for given in timeouts:
        made = default_timeout(f"settings:odd_settings:{given}")["timeout"]
        assert repr(made) == repr(BaseCache({"TIMEOUT": given}).default_timeout)
    with pytest.raises(UserError, match=r"TIMEOUT = 'None': it must be seconds, 0 or more, or None without quotes$"):
        default_timeout("settings:odd_settings:quoted")
    (files / "leaving_settings.py").write_text("raise SystemExit(3)")
    told = refused(cli("run", "product_list", "--settings", "leaving_settings", cwd=files))
    assert told == "cachewise: settings 'leaving_settings': SystemExit: 3"


def test_a_projects_own_names_hide_none_of_ours(files: Path) -> None:
    """A project with packages called as cachewise's are, and a class of its own beside them: each gets its own."""
    for name in ("reports", "scenarios", "strategies", "sim"):
        (files / name).mkdir()
        (files / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    (files / "tests").mkdir()
    (files / "tests" / "caches.py").write_text(
        "from django.core.cache.backends.locmem import LocMemCache\nclass Own(LocMemCache): pass\n"
        'CACHES = {"default": {"BACKEND": "tests.caches.Own"}}\n'
    )
    command = [str(Path(sys.executable).with_name("cachewise")), "run", "product_list", "--settings", "tests.caches"]
    quick = ["--seeds", "2", "--strategy", "ttl-only", "--set", "duration_s=3", "--set", "warmup_s=0", "--out", "out"]
    done = subprocess.run([*command, *quick], capture_output=True, text=True, cwd=files, check=False)
    assert (done.returncode, done.stderr) == (0, "page: out/report.html\n")


def test_modules_of_the_current_folder_are_found_from_python_too(files: Path, tmp_path_factory: Any) -> None:
    """A script of one's own may lie elsewhere: its runs find the settings and the classes that are named."""
    script = tmp_path_factory.mktemp("scripts") / "mine.py"
    (files / "of_mine.py").write_text("from django.core.cache.backends.locmem import LocMemCache as Mine\n")
    (files / "mine.toml").write_text('BACKEND = "of_mine.Mine"\n')
    script.write_text(
        "from cachewise import Scenario, run\nfrom cachewise.strategies import TtlOnly\n"
        "scenario = Scenario('short', keys=1, reads_per_s=9, duration_s=1, warmup_s=0)\n"
        "for backend in ('settings:shop_settings', 'mine.toml'):\n"
        "    print(run(scenario, TtlOnly(), backend=backend).summary['hits'] > 0)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=files, check=False)
    assert (done.stdout, done.stderr) == ("True\nTrue\n", "")


def notes_of(*args: str, cwd: Path) -> str:
    """Return the notes below the Markdown table that `cachewise run` prints."""
    quick = ["--set", "duration_s=3", "--set", "warmup_s=0", "--format", "markdown", "--jobs", "1"]
    done = cli("run", "product_list", "--strategy", "delete-on-write", *quick, *args, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_a_timeout_with_a_fraction_is_djangos(files: Path) -> None:
    """Django cuts a TIMEOUT to whole seconds: so do the strategies, and the note says so."""
    (files / "cut.toml").write_text('BACKEND = "django.core.cache.backends.locmem.LocMemCache"\nTIMEOUT = 2.9\n')
    assert "the timeout of 2 is the TIMEOUT of `cut.toml`" in notes_of("--backend-settings", "cut.toml", cwd=files)


def test_whose_timeout_it_is_is_said(files: Path) -> None:
    """A TIMEOUT in the entry goes before the scenario's, and is said; the command line's goes before both."""
    told = notes_of("--settings", "shop_settings", "--out", "out", cwd=files)
    said = "the timeout of 60 is the TIMEOUT of `settings:shop_settings`, which goes before the scenario's own 120"
    assert said in told
    assert "TIMEOUT" not in notes_of("--settings", "shop_settings", "--timeout", "60", cwd=files)
    assert "goes before the scenario&#x27;s own 120" in (files / "out" / "report.html").read_text()


def test_what_a_cache_without_a_server_ran_on_is_said(files: Path) -> None:
    """A cache of one's own within the process says where it was, as one on a server does."""
    where = "ran diskcache.djangocache.DjangoCache in a private folder that all workers share, if it keeps files"
    assert f"`diskcache.toml` {where}" in notes_of("--backend-settings", "diskcache.toml", cwd=files)
    where = "ran django.core.cache.backends.locmem.LocMemCache in memory, one private store for each worker process"
    assert f"`settings:shop_settings` {where}" in notes_of("--settings", "shop_settings", cwd=files)
    assert "ran" not in notes_of(cwd=files)


@pytest.mark.servers
def test_the_command_line_refuses_what_is_wrong(files: Path) -> None:
    """Missing files, modules and aliases: exit code 2, one line."""
    quick = ["run", "product_list", "--jobs", "1"]
    assert "no_such.toml: No such file" in refused(cli(*quick, "--backend-settings", "no_such.toml", cwd=files))
    assert "must be a TOML file" in refused(cli(*quick, "--backend-settings", "shop_settings.py", cwd=files))
    assert "No module named 'shop'" in refused(cli(*quick, "--settings", "shop", cwd=files))
    told = refused(cli(*quick, "--settings", "shop_settings:reds", cwd=files))
    assert told.endswith("unknown cache in settings 'shop_settings': 'reds'; did you mean 'redis'?")
    told = refused(cli(*quick, "--settings", "shop_settings", "--set", "max_entries=5", cwd=files))
    assert told == (
        "cachewise: max_entries=5: backend 'settings:shop_settings' has a limit of its own; "
        "set MAX_ENTRIES in its OPTIONS, where its BACKEND is"
    )
    told = refused(cli(*quick, "--settings", "shop_settings", "--set", "max_entries=none", cwd=files))
    assert "max_entries=none: backend 'settings:shop_settings' has a limit of its own" in told
    told = refused(cli(*quick, "--settings", "shop_settings:redis", "--set", "max_entries=5", cwd=files))
    assert told.endswith("max_entries=5: backend 'settings:shop_settings:redis' has no such limit; leave it out")


@pytest.mark.servers
def test_options_that_the_client_refuses_are_one_line(files: Path) -> None:
    """MAX_ENTRIES in the OPTIONS of Django's RedisCache, a common mistake, is said before anything runs."""
    (files / "redis.toml").write_text(
        'BACKEND = "django.core.cache.backends.redis.RedisCache"\n[OPTIONS]\nMAX_ENTRIES = 100\n'
    )
    with pytest.raises(UserError, match=r"redis.toml: RedisCache cannot be used: TypeError: .*MAX_ENTRIES"):
        run(TRAFFIC, TtlOnly(), backend="./redis.toml")


def test_a_strategy_that_the_cache_cannot_run(files: Path) -> None:
    """delete-pattern is refused where the cache has no such method, with the backends that have it."""
    told = refused(cli("run", "product_list", "--strategy", "delete-pattern", cwd=files))
    assert told == (
        "cachewise: delete-pattern needs cache.delete_pattern(), which backend 'shared' lacks; "
        "use --backend django-redis (in Python: backend='django-redis')"
    )
