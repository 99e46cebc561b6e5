"""Chance: a function of the seed for all that a project's code draws, and of nothing else."""

from tests.sim.project.processes import script

DRAWS = """
    import os, random, secrets, uuid
    def draws():
        return [
            os.urandom(4).hex(), early_urandom(4).hex(), secrets.token_hex(4), secrets.randbelow(10**9),
            str(uuid.uuid4()), str(uuid.uuid1()), random.random(), random.Random().random(), random.randrange(10**9),
            random.SystemRandom().random(), early_random(),
        ]
"""
EARLY = "from os import urandom as early_urandom\nfrom random import random as early_random"


def test_it_is_a_function_of_the_seed() -> None:
    """Two processes with one seed draw the same; another seed, or a second draw, gives something else in each."""
    once, again, other = (
        script(f"{DRAWS}\n    told += [draws(), draws()]", early=EARLY, seed=seed) for seed in (1, 1, 2)
    )
    assert once == again
    assert all(one != two for one, two in zip(once[0], other[0], strict=True))
    assert all(one != two for one, two in zip(once[0], once[1], strict=True))


def test_the_machine_is_not_in_it() -> None:
    """UUIDs of the time name a node: one that no machine has."""
    told = script("import uuid\ntold.append(uuid.getnode())\nchance.reseed(2)\ntold.append(uuid.getnode())")
    assert all(node >> 40 & 1 for node in told)
    assert told[0] != told[1]


def test_it_begins_anew() -> None:
    """With each seed that it is given."""
    told = script(
        f"{DRAWS}\n    for seed in (1, 2, 1):\n        chance.reseed(seed)\n        told.append(draws())", early=EARLY
    )
    shown = [[*one[:5], *one[6:]] for one in told]  # but for the stamp in uuid1, which has moved on
    assert shown[0] == shown[2] != shown[1]


def test_django_draws_the_same_keys() -> None:
    """Session keys, CSRF tokens and salts of passwords."""
    told = [
        script("""
            from django.conf import settings
            settings.configure(SECRET_KEY="x")
            from django.contrib.sessions.backends.cache import SessionStore
            from django.middleware.csrf import _get_new_csrf_string
            from django.utils.crypto import get_random_string
            told += [SessionStore()._get_new_session_key(), _get_new_csrf_string(), get_random_string(12)]
        """)
        for _ in range(2)
    ]
    assert told[0] == told[1]
    assert len(set(told[0])) == 3


def test_a_fork_is_as_repeatable() -> None:
    """Python's own generator would take a seed from the system there."""
    text = f"""{DRAWS}
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, json.dumps(draws()).encode())
        os._exit(0)
    os.wait()
    told.append(json.loads(os.read(reading, 65536)))
    told.append(draws())
    """
    once, again = (script(text, early=EARLY) for _ in range(2))
    assert once == again
    assert once[0] != once[1]


def test_real_threads_and_temporary_files_take_none_of_it() -> None:
    """When they draw is no matter of the run: the next draw of a request stays the same."""
    text = """
        import os, tempfile
        {between}
        def draws():
            told.append(os.urandom(4).hex())
        play(draws)
    """
    between = """
        thread = threading.Thread(target=lambda: os.urandom(4))
        thread.start(), thread.join()
        told.append(next(tempfile._get_candidate_names()))
        del told[0]
    """
    assert script(text.replace("{between}", between)) == script(text.replace("{between}", ""))
