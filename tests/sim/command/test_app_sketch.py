"""`cachewise init --app`: a first experiment with what is in the project, and nothing of where it lives."""

from pathlib import Path

from cachewise.sim.app.found import experiment_at
from tests.helpers import cli, cli_each, refused
from tests.projects import POSTGRES, write_project

SECRETS = """
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://cacher:s3cret@cache.example:6379/1",
            "TIMEOUT": 60,
            "KEY_PREFIX": "shop",
            "OPTIONS": {"db": "7", "password": "s3cret", **dict.fromkeys(
                ["retry_on_timeout", "health_check_interval", "socket_connect_timeout", "max_connections"], 1
            )},
        },
        "logins": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }
    SESSION_CACHE_ALIAS = "logins"
    SESSION_ENGINE = "django.contrib.sessions.backends.cache"
"""


def test_the_file_that_is_written(tmp_path: Path) -> None:
    """It has the models, the URL names and the caches, and a read and a write to begin with; no secret is in it."""
    folder = write_project(tmp_path, settings=SECRETS, database=POSTGRES, experiment="").parent
    (folder / "cache_experiment.py").unlink()
    done = cli("init", "--app", "shop.settings", cwd=folder)
    assert (done.returncode, done.stdout) == (0, ""), done
    assert "wrote cache_experiment.py; change everything at REPLACE; then: cachewise run ./cache_exp" in done.stderr
    text = (folder / "cache_experiment.py").read_text()
    compile(text, "cache_experiment.py", "exec")
    for secret in ("s3cret", "cacher", "cache.example", "somebody", "hunter2", "127.0.0.1", '"7"'):
        assert secret not in text
    for line in (
        'APP = App("shop.settings")',
        "from shop.models import Category, Product, Profile",
        "#     default: django.core.cache.backends.redis.RedisCache\n#         TIMEOUT 60\n#         KEY_PREFIX 'shop'",
        "#         OPTIONS: db\n#         OPTIONS: health_check_interval\n#         OPTIONS: max_connections\n",
        "#         OPTIONS: socket_connect_timeout\n",
        "#     sessions are kept in 'logins': django.contrib.sessions.backends.cache",
        "# Databases: postgres, with ATOMIC_REQUESTS",
        "#     shop.models.Product: id, name, price, category",
        "#     product: /product/<int:pk>/",
        '    return client.get(reverse("product", kwargs={"pk": pk}))',
        "    profile_rows = [Profile.objects.create(user=user_rows[n]) for n in range(100)]",
        "def change_category(client, pk):",
    ):
        assert line in text


def test_what_cannot_be_written(tmp_path: Path) -> None:
    """One line, and no file."""
    said = {
        "--app shop.setings x.py": "App('shop.setings'): there is no module 'shop.setings' beside the file",
        "--app shop/settings.py x.py": "App('shop/settings.py'): it takes a settings module first",
        "--app shop.settings --keys 5": "--app shop.settings writes an experiment of a project; --keys belongs to a sc",
        "--app shop.settings --strategy x.py": "--strategy belongs to a strategy: one at a time",
        "--app shop.settings cache_experiment.py": "cache_experiment.py is there already; name another file, or add",
        "--app shop.settings experiment.txt": "experiment.txt: an experiment file ends in .py",
        "--app shop.settings x.py --database mysql": "--database mysql: it must be sqlite or postgres",
        "--database postgres x.py": "--database needs --app",
        "--app shop.settings nowhere/experiment.py": "nowhere/experiment.py: there is no folder nowhere",
    }
    folder = write_project(tmp_path).parent
    before = sorted(folder.rglob("*.py"))
    commands = [["init", *typed.split()] for typed in said]
    for done, line in zip(cli_each(*commands, cwd=folder), said.values(), strict=True):
        assert line in refused(done)
    assert sorted(folder.rglob("*.py")) == before


def test_what_the_environment_lacks_is_written_down(tmp_path: Path) -> None:
    """The file has all that the settings ask for, so that it runs; what cannot be guessed is said with its names."""
    keys = 'import os\n    KEYS = os.environ["STRIPE_KEY"], os.environ["SENTRY_DSN"]'
    folder = write_project(tmp_path, settings=f"    {keys}\n", experiment="").parent
    done = cli("init", "--app", "shop.settings", "x.py", cwd=folder)
    assert done.returncode == 0, done
    text = (folder / "x.py").read_text()
    assert 'APP = App("shop.settings", env={\n    "STRIPE_KEY": "none",\n    "SENTRY_DSN": "none",\n})' in text
    assert (experiment_at(str(folder / "x.py")) or done).env == {"STRIPE_KEY": "none", "SENTRY_DSN": "none"}
    with (folder / "shop/settings.py").open("a") as settings:
        settings.write('SIZE = int(os.environ["POOL"])\n')
    line = refused(cli("init", "--app", "shop.settings", "y.py", cwd=folder))
    assert "ValueError: invalid literal for int()" in line
    assert line.endswith("(POOL is not in the environment, and 'none' is no valid value: POOL=... cachewise init ...)")
    assert not (folder / "y.py").exists()


def test_atomic_requests_on_sqlite(tmp_path: Path) -> None:
    """What the refusal says helps: --database postgres; it is no matter of a variable that nobody has set."""
    more = """
        import os

        KEY = os.environ["STRIPE_KEY"]
        DATABASES["default"]["ATOMIC_REQUESTS"] = True
    """
    folder = write_project(tmp_path, settings=more, experiment="").parent
    line = refused(cli("init", "--app", "shop.settings", "x.py", cwd=folder))
    assert line.endswith("the races that you ask about would not happen; use --database postgres")
    done = cli("init", "--app", "shop.settings", "x.py", "--database", "postgres", cwd=folder)
    assert done.returncode == 0, done
    assert done.stderr.rstrip().endswith("cachewise run ./x.py --seeds 5 --out out/x --database postgres")
    text = (folder / "x.py").read_text()
    assert "Run it:    cachewise run ./x.py --database postgres\n" in text
    assert "# Databases: postgres, with ATOMIC_REQUESTS\n" in text
