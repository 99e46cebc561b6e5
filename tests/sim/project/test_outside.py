"""Nothing outside: who listens at the addresses in a project's settings sees nobody; mail and files stay private."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.sim.project.caches.small import played, start, write
from tests.sim.project.caches.test_direct import bystander


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of a process that has failed: the error."""
    assert done.returncode != 0, done.stdout
    return done.stderr.strip().splitlines()[-1]


REQUESTS = """
import smtplib, socket, urllib.request
import psycopg
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.conf import settings

SAID = []
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def tell():
    for reach in (
        lambda: socket.create_connection(("127.0.0.1", {port})),
        lambda: urllib.request.urlopen("http://127.0.0.1:{port}/"),
        lambda: datagrams.sendto(b"x", ("127.0.0.1", {port})),
        lambda: socket.gethostbyname("example.org"),
        lambda: psycopg.connect("postgresql://somebody:secret@127.0.0.1:{port}/shop"),
        lambda: psycopg.connect(host="127.0.0.1", port={port}, password="secret"),
        lambda: smtplib.SMTP("127.0.0.1", {port}),
    ):
        try:
            reach()
            SAID.append("reached")
        except OSError as error:
            SAID.append(type(error).__name__)


def post():
    mail.send_mail("subject", "text", None, ["somebody@example.org"])
    SAID.append(len(mail.outbox))


def upload():
    SAID.append(default_storage.path(default_storage.save("note.txt", ContentFile(b"x"))))
    SAID.append(settings.MEDIA_ROOT)
    datagrams.close()


STEPS = [tell, tell, post, upload]
"""


def test_a_request_is_told_that_nobody_listens(tmp_path: Path) -> None:
    """Whatever it tries; a note says how often, by address, without a user or password; mail and files are private."""
    with bystander() as (port, seen):
        settings = f"""
THEIRS = {{"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "HOST": "127.0.0.1", "PORT": {port}}}
DATABASES = {{"default": THEIRS}}
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", {port}
MEDIA_ROOT = "/srv/media"
"""
        (tmp_path / "project").mkdir()
        told = played(write(tmp_path / "project", settings=settings, experiment=REQUESTS.replace("{port}", str(port))))
    assert not seen
    said = told["said"]
    assert said[:7] == said[7:14]
    assert set(said[:7]) == {"OutsideError", "URLError"}
    assert said[14] == 1
    path, root = map(Path, said[15:])
    assert path.is_relative_to(root)
    assert root.is_relative_to(tmp_path)
    (note,) = told["notes"]
    assert f"127.0.0.1:{port} (12 times)" in note
    assert "example.org (2 times)" in note
    assert "secret" not in note
    assert "somebody" not in note


@pytest.mark.parametrize("swallowed", [False, True])
def test_a_socket_at_import_is_one_line(tmp_path: Path, *, swallowed: bool) -> None:
    """With its file and line, also where the project catches the error."""
    with bystander() as (port, seen):
        reach = f'socket.create_connection(("127.0.0.1", {port}))'
        text = (
            f"import socket\ntry:\n    {reach}\nexcept Exception:\n    pass\n"
            if swallowed
            else f"import socket\n\n{reach}\n"
        )
        done = start(write(tmp_path, models=text))
    assert not seen
    assert re.search(rf"ForbiddenError: shop/models.py, line 3: it connects to 127.0.0.1:{port} while", refused(done))


def test_sockets_of_ones_own_and_of_the_session_are_free(tmp_path: Path) -> None:
    """A pair of sockets, an event loop, a listening socket: nobody outside is asked."""
    text = """
import asyncio, json, socket
from django.core.cache import cache
SAID = []
def step():
    one, other = socket.socketpair()
    one.sendall(b"x")
    SAID.append(other.recv(1).decode())
    for end in (one, other):
        end.close()
    SAID.append(asyncio.run(asyncio.sleep(0, "slept")))
    cache.set("k", 1)
    SAID.append(cache.get("k"))
STEPS = [step]
"""
    redis = 'CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://u:p@h"}}\n'
    assert played(write(tmp_path, settings=redis, experiment=text))["said"] == ["x", "slept", 1]


def test_storages_of_every_alias_are_private() -> None:
    """A storage in somebody's cloud becomes a folder; no manifest of static files is needed."""
    from types import SimpleNamespace

    from cachewise.sim.project.outside import private_settings

    theirs = SimpleNamespace(
        STORAGES={"default": {"BACKEND": "s3"}, "private": {"BACKEND": "s3"}, "staticfiles": {"BACKEND": "m"}}
    )
    private = private_settings(theirs, Path("/private"))
    assert set(private["STORAGES"]) == {"default", "private", "staticfiles"}
    assert "s3" not in json.dumps(private)
    assert private["MEDIA_ROOT"].startswith("/private/")
