"""Settings of the newspaper; what differs between the incidents comes from the environment."""

import os
from pathlib import Path

SECRET_KEY = "of the newspaper"  # noqa: S105 - it guards nothing
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "press.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FURTHER_APPS = os.environ.get("PRESS_APPS", "").split()
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "press"]
INSTALLED_APPS += FURTHER_APPS
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": f"django.db.backends.{os.environ.get('PRESS_DATABASE', 'sqlite3')}",
        "NAME": Path(__file__).parent.parent / "press.sqlite3",
        "ATOMIC_REQUESTS": "PRESS_ATOMIC_REQUESTS" in os.environ,
    }
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1/1"}}
SESSION_ENGINE = f"django.contrib.sessions.backends.{os.environ.get('PRESS_SESSIONS', 'db')}"
