"""Small projects for tests: files in a folder, played in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.helpers import ROOT

SETTINGS = """
    SECRET_KEY = "x"
    USE_TZ = True
    DEBUG = False
    ALLOWED_HOSTS = ["*"]
    ROOT_URLCONF = "shop.urls"
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "shop"]
    MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
    TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
"""


def write(folder: Path, **files: str) -> Path:
    """Write a project: `settings` are added to those above, `experiment` is its file, others are modules of `shop`."""
    shop = folder / "shop"
    (shop / "templates").mkdir(parents=True)
    (shop / "__init__.py").touch()
    files = {"urls": "urlpatterns = []", "models": "", **{name: dedent(text) for name, text in files.items()}}
    (shop / "settings.py").write_text(dedent(SETTINGS) + files.pop("settings", ""))
    (folder / "cache_experiment.py").write_text(files.pop("experiment", "STEPS = []"))
    for name, text in files.items():
        path = shop / "templates" / name if name.endswith(".html") else shop / f"{name}.py"
        path.write_text(text)
    return folder


def start(folder: Path) -> subprocess.CompletedProcess[str]:
    """Play the project in *folder*."""
    command = [sys.executable, "-W", "error", "-m", "tests.sim.project.caches.play", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)


def played(folder: Path) -> dict[str, Any]:
    """Play the project in *folder* and return what was told."""
    done = start(folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
