"""A request is a thread to the project's code: locals, idents, names; real threads beside it are real."""

from tests.sim.project.processes import script


def test_each_thread_has_locals_of_its_own_and_keeps_them() -> None:
    """Two requests under way do not see each other's; the next one on the same thread sees the last one's."""
    told = script("""
        seen = threading.local()
        seen.value = "set-up"
        def first(name):
            def setting():
                note(name, hasattr(seen, "value"))
                seen.value = name
                time.sleep(1)
                note(seen.value)
            return setting
        threads.serve(engine)
        clock.source, clock.sleeper = engine.request_time, engine.sleep
        one, two = threads.VirtualThread("one"), threads.VirtualThread("two")
        request(first("a"), one)
        request(first("b"), two)
        request(lambda: note(seen.value), one, 5.0)
        engine.play()
        note(seen.value)
    """)
    expected = [["a", False, 0.0], ["b", False, 0.0], ["a", 1.0], ["b", 1.0], ["a", 5.0], ["set-up", 5.0]]
    assert told == expected


def test_a_subclass_of_local_begins_anew_in_each_thread() -> None:
    """With the arguments it was made with, as in Python; its class attributes and methods are there."""
    told = script("""
        class Counter(threading.local):
            step = 2
            def __init__(self, begin, *, name):
                self.value, self.name = begin, name
            def more(self):
                self.value += self.step
                return self.value
        counter = Counter(10, name="count")
        counter.more()
        def counts():
            note(counter.more(), counter.name)
            time.sleep(1)
            note(counter.more())
            del counter.name
        play(counts, counts)
        note(counter.value, counter.name)
    """)
    assert told == [[12, "count", 0.0], [12, "count", 0.0], [14, 1.0], [14, 1.0], [12, "count", 1.0]]


def test_a_request_finds_a_thread() -> None:
    """With a name and an ident of its own that no real thread has, also for who imported the functions by name."""
    told = script(
        """
        import weakref
        real = {threading.get_ident(), threading.main_thread().ident}
        def looks():
            thread = threading.current_thread()
            time.sleep(1)
            assert thread is threading.current_thread() is early_thread() and thread is not threading.main_thread()
            assert thread.ident == threading.get_ident() == early_ident() == threading.get_native_id()
            assert thread.ident not in real and isinstance(thread, threading.Thread) and thread.is_alive()
            assert weakref.ref(thread)() is thread and thread.daemon
            note(thread.name, thread.ident)
        play(looks, looks)
        assert threading.current_thread() is threading.main_thread() and early_ident() in real
    """,
        early="from threading import current_thread as early_thread, get_ident as early_ident",
    )
    assert told == [["worker-0", 1, 1.0], ["worker-1", 2, 1.0]]


def test_a_thread_keeps_its_context_variables() -> None:
    """As a web server's thread does; others do not see them, be it on the same greenlet."""
    told = script("""
        import contextvars
        user = contextvars.ContextVar("user", default="nobody")
        def looks():
            note(user.get())
            time.sleep(2)
        threads.serve(engine)
        one, two = threads.VirtualThread("one"), threads.VirtualThread("two")
        clock.source, clock.sleeper = engine.request_time, engine.sleep
        request(lambda: user.set("ann"), one)
        request(looks, two, 0.5)
        request(looks, one, 1.0)
        engine.play()
        note(user.get())
    """)
    assert told == [["nobody", 0.5], ["ann", 1.0], ["nobody", 3.0]]


def test_a_pool_of_real_threads_takes_no_virtual_time() -> None:
    """What they compute is waited for really, while another request stands still; then all goes on."""
    told = script("""
        from concurrent.futures import ThreadPoolExecutor, as_completed, wait
        pool = ThreadPoolExecutor(2)
        def computes():
            note(pool.submit(sum, [1, 2]).result(), pool.submit(threading.get_ident).result() > 99)
            futures = [pool.submit(time.sleep, 0.01) for _ in range(5)]
            note(len(list(as_completed(futures, timeout=5))), len(wait(futures).done))
            with ThreadPoolExecutor(1) as own:
                note(list(own.map(str, range(3))))
            time.sleep(1)
            note(pool.submit(sum, [3, 4]).result(timeout=5))
        def other():
            time.sleep(0.5)
            note("other")
        play(computes, other)
        pool.shutdown()
    """)
    assert told == [[3, True, 0.0], [5, 5, 0.0], [["0", "1", "2"], 0.0], ["other", 0.5], [7, 1.0]]


def test_a_thread_of_a_request_starts_works_and_is_joined() -> None:
    """Really, and nothing deadlocks: locks, events and queues lead both ways."""
    told = script("""
        import queue
        lock, jobs, done = threading.Lock(), queue.Queue(), threading.Event()
        found = []
        def works():
            found.append(threading.current_thread() is thread)
            while (job := jobs.get()) is not None:
                with lock:
                    found.append(job)
                done.set()
        thread = threading.Thread(target=works)
        def asks():
            thread.start()
            jobs.put("first")
            note(done.wait(), list(found))
            done.clear()
            with lock:
                jobs.put("second")
                time.sleep(1)
                note(list(found), done.is_set())
            note(done.wait(timeout=5), list(found))
            jobs.put(None)
            thread.join()
            note(thread.is_alive())
        play(asks)
    """)
    first, both = [True, "first"], [True, "first", "second"]
    assert told == [[True, first, 0.0], [first, False, 1.0], [True, both, 1.0], [False, 1.0]]


def test_threads_of_set_up_are_real() -> None:
    """Their waits are real, and so is what they sleep; a request that asks one is answered."""
    told = script("""
        import queue
        asked, answers = queue.Queue(), queue.Queue()
        def transport():
            began = time.monotonic()
            time.sleep(0.02)
            answers.put(time.monotonic() - began < 60)
            while (what := asked.get()) is not None:
                time.sleep(0.02)
                answers.put((what, threading.get_ident() > 99, threading.current_thread().name))
        thread = threading.Thread(target=transport, name="transport")
        thread.start()
        told.append(answers.get())
        def asks():
            time.sleep(1)
            asked.put("hello")
            note(*answers.get())
        play(asks)
        asked.put(None)
        thread.join()
    """)
    assert told == [True, ["hello", True, "transport", 1.0]]


def test_idle_threads_do_not_hold_up_who_waits_for_a_request() -> None:
    """A pool that has nothing to do, or a thread that sleeps for long, is not who will answer."""
    told = script("""
        from concurrent.futures import ThreadPoolExecutor
        pool, event, over = ThreadPoolExecutor(1), threading.Event(), threading.Event()
        def starts():
            pool.submit(int).result()
            threading.Thread(target=lambda: over.wait(3600), daemon=True).start()
            threading.Thread(target=lambda: time.sleep(3600), daemon=True).start()
            note(event.wait(timeout=10))
        def answers():
            time.sleep(2)
            event.set()
        play(starts, answers)
        pool.shutdown()
    """)
    assert told == [[True, 2.0]]


def test_who_waits_in_vain_for_a_real_thread_is_told() -> None:
    """The process does not hang without a word."""
    told = script("""
        import _thread
        from concurrent.futures import ThreadPoolExecutor
        from cachewise.sim.project import work
        work.PATIENCE_S = 0.01
        gate = _thread.allocate_lock()
        gate.acquire()
        pool = ThreadPoolExecutor(1, "slow")
        def asks():
            pool.submit(gate.acquire).result()
        try:
            play(asks)
        except Exception as error:
            told.append(str(error))
        gate.release()
    """)
    (line,) = told
    assert line.startswith("a request has waited 0.01 s of real time for the thread 'slow_0': do that in the request")


def test_a_thread_that_answers_of_its_own_accord_ends_the_run() -> None:
    """A request that is parked in virtual time cannot be woken at an instant that depends on this machine."""
    told = script("""
        import _thread
        gate, event = _thread.allocate_lock(), threading.Event()
        gate.acquire()
        def answers():
            gate.acquire()
            try:
                event.set()
            except Exception as error:
                told.append(str(error))
        thread = threading.Thread(target=answers, name="of set-up")
        thread.start()
        def opens():
            time.sleep(1)
            gate.release()
            thread.join()
            note("joined")
        try:
            play(event.wait, opens)
        except Exception as error:
            told.append(str(error))
    """)
    first, joined, last = told
    assert first == last
    assert first.startswith("a request waits for the thread 'of set-up', which no request has started: ")
    assert joined == ["joined", 1.0]


def test_a_thread_that_waits_for_another_request_is_joined_then() -> None:
    """The one that joins it is parked meanwhile, for as long as it says."""
    told = script("""
        event = threading.Event()
        thread = threading.Thread(target=event.wait)
        def joins():
            thread.start()
            thread.join(timeout=0.5)
            note(thread.is_alive())
            thread.join()
            note(thread.is_alive())
        def opens():
            time.sleep(1)
            event.set()
        play(joins, opens)
    """)
    assert [[alive, round(at_s, 2)] for alive, at_s in told] == [[True, 0.5], [False, 1.0]]


def test_a_timer_is_refused() -> None:
    """It would wait in real time."""
    told = script("""
        def starts():
            threading.Timer(15, int).start()
        try:
            play(starts)
        except Exception as error:
            told.append(str(error))
    """)
    (line,) = told
    assert line.startswith("a threading.Timer waits 15 s of real time")
    assert "Celery" in line


def test_a_thread_that_touches_cache_or_database_is_refused() -> None:
    """The line names what it touched, the thread and the place, and says what to do; the run ends."""
    told = script("""
        from concurrent.futures import ThreadPoolExecutor
        from django.conf import settings
        settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
        from django.core.cache import cache
        from django.db import connection
        cache.get("here")
        theirs = {"cache": cache}
        exec(compile("def refresh():\\n    cache.set('key', 1)", "/srv/shop/views.py", "exec"), theirs)
        def strays():
            with ThreadPoolExecutor(1, "pool") as pool:
                told.append(str(pool.submit(theirs["refresh"]).exception()))
                told.append(str(pool.submit(lambda: connection.cursor()).exception()))
            cache.get("allowed")
        play(strays)
        try:
            engine.end_if_strayed()
        except Exception as error:
            assert str(error) == told[0]
            told.append("ended")
    """)
    rest = "where no virtual time passes: do that in the request itself, or hand it to a Celery task"
    assert told == [
        f"CACHES['default'] used in the thread 'pool_0' (refresh() in views.py:2), {rest}",
        f"DATABASES['default'] used in the thread 'pool_0', {rest}",
        "ended",
    ]


def test_the_web_workers_thread_cannot_be_joined_or_started() -> None:
    """A request that did so would wait for ever."""
    told = script("""
        def misuses():
            for use in ("start", "join"):
                try:
                    getattr(threading.current_thread(), use)()
                except RuntimeError as error:
                    told.append(str(error))
        play(misuses)
    """)
    assert told[0] == "threads can only be started once"
    assert told[1].startswith("cannot join the web worker's thread 'worker-0'")


def test_all_is_in_place_before_django_is_imported() -> None:
    """What it makes while it is imported (asgiref's locals, the locks of signals) is ours already."""
    told = script(
        """
        from asgiref.sync import SyncToAsync
        from django.core.signals import request_started
        told += [before, type(SyncToAsync.threadlocal) is threading.local, type(request_started.lock) is threading.Lock]
        """,
        early="""
        import sys
        from cachewise.sim.project import chance, clock, threads
        before = sorted({name.partition(".")[0] for name in sys.modules} & {"django", "asgiref", "simpy", "greenlet"})
        """,
    )
    assert told == [[], True, True]


def test_async_code_in_a_request_goes_back_to_its_thread() -> None:
    """Two requests at once: each has an event loop of its own, and its synchronous code waits in virtual time."""
    told = script("""
        from asgiref.sync import async_to_sync, sync_to_async
        lock = threading.Lock()
        def inner():
            with lock:
                time.sleep(1)
            return threading.current_thread().name
        async def work():
            return await sync_to_async(inner)()
        def serve():
            note(async_to_sync(work)())
        play(serve, serve)
    """)
    assert told == [["worker-0", 1.0], ["worker-1", 2.0]]
