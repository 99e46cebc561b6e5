"""The clock of a project's process: virtual for all that a project's code sees, and strictly ascending."""

from tests.sim.project.processes import script

EARLY = "from time import monotonic as early_monotonic, sleep as early_sleep, time as early_time"


def test_what_is_shown_ascends_strictly() -> None:
    """Whichever way it is asked for: the calendar, or a microsecond after what was shown last."""
    told = script(
        """
        from datetime import datetime, timezone
        def stamps():
            return [
                time.time_ns() // 1000,
                round(time.time() * 1e6),
                round(early_time() * 1e6),
                round(datetime.now(timezone.utc).timestamp() * 1e6),
                round(datetime.now().timestamp() * 1e6),
                round(datetime.utcnow().replace(tzinfo=timezone.utc).timestamp() * 1e6),
            ]
        told.append(stamps())
        def looks():
            told.append(stamps())
            time.sleep(1)
            told.append(stamps())
        play(looks, looks)
        """,
        early=EARLY,
        env={"TZ": "UTC"},
    )
    start = 1735689600_000000
    first, later = told[0][0], start + 1_000000
    assert start <= first < start + 1000  # some library has looked while it was imported
    assert told == [
        *([first + 6 * place + step for step in range(6)] for place in (0, 1, 2)),
        *([later + 6 * place + step for step in range(6)] for place in (0, 1)),
    ]


def test_all_of_pythons_ways_to_tell_the_time() -> None:
    """They show the run's, in a request as at set-up."""
    told = script(
        """
        import email.utils, uuid
        from datetime import date, datetime
        def looks():
            time.sleep(86400 * 45)
            told.append([
                str(date.today()), time.strftime("%Y-%m-%d"), time.ctime(), time.asctime(), time.localtime()[:3],
                time.gmtime()[:3], email.utils.formatdate(usegmt=True), time.ctime(0), time.asctime(time.gmtime(0)),
                str(datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME)))[:10],
                (uuid.uuid1().time - 0x01B21DD213814000) // 10**7,
            ])
        looks()
        play(looks)
        """,
        env={"TZ": "UTC"},
    )

    def expected(day: str, words: str, mail: str, date: list[int], since: int) -> list[object]:
        begin = ["Thu Jan  1 00:00:00 1970"] * 2
        return [day, day, words, words, date, date, mail, *begin, day, since]

    first = expected(
        "2025-02-15", "Sat Feb 15 00:00:00 2025", "Sat, 15 Feb 2025 00:00:00 GMT", [2025, 2, 15], 1739577600
    )
    second = expected(
        "2025-04-01", "Tue Apr  1 00:00:00 2025", "Tue, 01 Apr 2025 00:00:00 GMT", [2025, 4, 1], 1743465600
    )
    assert told == [first, second]


def test_durations_are_virtual() -> None:
    """Also where the functions were imported by name, before or after; they never go back."""
    told = script(
        """
        from time import perf_counter as late_counter
        kinds = [early_monotonic, late_counter, time.process_time, time.thread_time, time.monotonic,
                 lambda: time.monotonic_ns() / 1e9, lambda: time.clock_gettime(time.CLOCK_MONOTONIC)]
        def measures():
            began = [kind() for kind in kinds]
            early_sleep(1.5)
            time.sleep(1)
            told.append([round(kind() - before, 6) for kind, before in zip(kinds, began)])
        def goes_ahead():
            engine.current.debt_s = 0.25
            told.append(time.monotonic() - 10**6)
            engine.current.debt_s = 0.0
            told.append(time.monotonic() - 10**6)
        play(goes_ahead, measures)
        """,
        early=EARLY,
    )
    assert told == [0.25, 0.25, [2.25] * 7]  # the other one was 0.25 s ahead when it began


def test_sleep_at_set_up_puts_off_all_that_comes() -> None:
    """It takes no real time (whoever waits for something outside tries for ever so long at once)."""
    told = script("""
        began = time.monotonic()
        time.sleep(3600)
        told.append(time.monotonic() - began)
        told.append(time.time() - 1735689600)
        def looks():
            time.sleep(1)
            told.append(time.time() - 1735689600)
        play(looks)
    """)
    assert told == [3600.0, 3600.0, 3601.0]


def test_sleep_takes_what_pythons_takes() -> None:
    """And refuses the rest with the same errors."""
    told = script("""
        from decimal import Decimal
        def sleeps():
            for much in (0, True, 0.5):
                time.sleep(much)
            for much in (-1, float("nan"), "1", None, 1e30):
                try:
                    time.sleep(much)
                except Exception as error:
                    told.append(type(error).__name__)
            note("end")
        play(sleeps)
    """)
    assert told == ["ValueError", "ValueError", "TypeError", "TypeError", "OverflowError", ["end", 1.5]]


def test_whoever_waits_for_sockets_waits_for_real() -> None:
    """An event loop in a request ends, and a child process is waited for: no virtual time passes."""
    told = script("""
        import asyncio, subprocess, sys
        async def naps():
            await asyncio.sleep(0.01)
            return "napped"
        def waits():
            note(asyncio.run(naps()))
            note(subprocess.run([sys.executable, "-c", ""], timeout=60).returncode)
        play(waits)
    """)
    assert told == [["napped", 0.0], [0, 0.0]]


def test_real_threads_move_nothing() -> None:
    """They see the same calendar as the requests, however often they look; durations are real for them."""
    told = script("""
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor(1)
        def far():
            return [time.time() for _ in range(100)][-1], time.monotonic()
        def looks():
            began = pool.submit(time.monotonic).result()
            time.sleep(5)
            before = time.time()
            seen, measured = pool.submit(far).result()
            told.append([seen - before, measured != began + 5, round((time.time() - before) * 1e6)])
        play(looks)
        pool.shutdown()
    """)
    assert told == [[0.0, True, 1]]


def test_the_clock_stands_where_it_is_put() -> None:
    """To evaluate a read as of its time, also after a later one; UUIDs of the time go back, too."""
    told = script("""
        import uuid
        for at_s in (5.0, 2.0, 5.0):
            clock.show(at_s)
            told.append([time.time() - 1735689600, time.monotonic() - 10**6, uuid.uuid1().time])
            time.sleep(3600)
            told[-1] += [time.monotonic() - 10**6]
    """)
    assert [[*one[:2], one[3]] for one in told] == [[5.0, 5.0, 3605.0], [2.0, 2.0, 3602.0], [5.0, 5.0, 3605.0]]
    assert told[0] == told[2]
    assert told[0][2] - told[1][2] == 3 * 10**7


def test_django_tells_the_same_time() -> None:
    """Its `now`, the expiry of its cache, and what its database sets of its own."""
    told = script("""
        from django.conf import settings
        settings.configure(USE_TZ=True)
        from django.core.cache import cache
        from django.utils import timezone
        def caches():
            cache.set("key", 1, 10)
            time.sleep(9.5)
            told.append([str(timezone.now()), cache.get("key")])
            time.sleep(1)
            told.append([str(timezone.now()), cache.get("key")])
        play(caches)
    """)
    (first, hit), (second, miss) = told
    assert (hit, miss) == (1, None)
    assert first.startswith("2025-01-01 00:00:09.5")
    assert second.startswith("2025-01-01 00:00:10.5")


def test_without_time_machine_it_is_refused() -> None:
    """In one line that says what to install."""
    told = script(
        """
        try:
            from cachewise import UserError
            ProjectClock(0.0).install()
        except UserError as error:
            told.append(str(error))
        """,
        early="import sys\nsys.modules['time_machine'] = None\n",
        clock=False,
    )
    assert told == ["an app's run needs time-machine: pip install 'cachewise[app]'"]
