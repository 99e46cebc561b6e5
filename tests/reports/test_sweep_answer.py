"""The answer of a sweep: what a limit allows, who is ahead up to where, and what is not settled."""

from dataclasses import replace
from math import nan

import pytest

from cachewise import UserError
from cachewise.reports import parse_limits, sweep_text
from cachewise.reports.sweep.answer import answer, lines
from cachewise.reports.sweep.limits import Limit
from cachewise.reports.sweep.points import Field
from cachewise.sim.experiment import Outcome
from cachewise.sim.sweep.found import Axis, Sweep
from cachewise.strategies import DeleteOnWrite, KeyBased, NoCache, Oracle, TtlOnly, Versioning, WriteThrough
from tests.reports.sweeps import known, noise

TIMEOUT = Axis("timeout", (20.0, 60.0, 120.0, 300.0, 600.0))
RATES = Axis("writes_per_s", (1.0, 3.0, 9.0, 15.0, 40.0))


def told(sweep: Sweep, *limits: str) -> list[str]:
    return lines(answer(Field(sweep), parse_limits(limits)))


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("stale_ratio=1%", 0.01),
        ("stale_ratio=0.01", 0.01),
        ("stale_ratio = 0", 0.0),
        ("stale_age_p99_s=2", 2.0),
        ("stale_age_p99_s=200ms", 0.2),
        ("response_p99_s=1.5 min", 90.0),
        ("db_queries_per_s=1e3", 1000.0),
    ],
)
def test_limits_are_read_as_people_write_them(text: str, most: float) -> None:
    """Shares in percent or not, times with or without a unit, amounts."""
    assert parse_limits([text]) == (Limit(text.partition("=")[0].strip(), pytest.approx(most)),)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["stale_rato=1%"], "did you mean 'stale_ratio'"),
        (["hit_ratio=90%"], "a higher hit_ratio is better"),
        (["wall_s=5"], "unknown figure to limit 'wall_s'"),
        (["stale_ratio"], "write FIGURE=LIMIT"),
        (["stale_ratio=5"], "for 5 percent write 5%"),
        (["stale_ratio=-1%"], "not a number of 0 or more"),
        (["stale_ratio=1..2"], "not a number of 0 or more"),
        (["stale_age_p99_s=2%"], "is in s, not in %"),
        (["db_queries_per_s=2s"], "is in queries/s, not in s"),
        (["stale_ratio=1%", "stale_ratio=2%"], "has a limit already"),
    ],
)
def test_limits_that_make_no_sense_are_refused(texts: list[str], says: str) -> None:
    """One line names what is wrong and the nearest right thing."""
    with pytest.raises(UserError, match=r"^--max ") as error:
        parse_limits(texts)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_own_metrics_of_projects_can_be_limited() -> None:
    """What only a project has is known there, and not elsewhere."""
    assert parse_limits(["never_true_ratio=1%"], of_project=True)[0].most == 0.01
    with pytest.raises(UserError):
        parse_limits(["never_true_ratio=1%"])


def test_the_largest_timeout_that_a_limit_allows(one_run: Outcome) -> None:
    """Below the limit with its whole interval it is met, around it perhaps, above it not; and the figure is said."""
    shares = {20.0: 0.002, 60.0: 0.008, 120.0: 0.0105, 300.0: 0.024, 600.0: 0.05}
    sweep = known(
        one_run,
        TIMEOUT,
        {
            TtlOnly: lambda timeout, seed: {"stale_ratio": shares[timeout] + noise(seed, 0.001)},
            DeleteOnWrite: lambda _timeout, _seed: {"stale_ratio": 0.0001},
            WriteThrough: lambda _timeout, _seed: {"stale_ratio": 0.5},
        },
    )
    found = told(sweep, "stale_ratio=1%")
    assert found[1] == "Limits: stale_ratio at most 1%."
    assert found[2:5] == [
        "`ttl-only`: met with a timeout up to 60 s, perhaps 120 s, not from 300 s on (stale_ratio is 2.40% at 300 s).",
        "`delete-on-write`: met at every value of timeout.",
        "`write-through`: met at no value of timeout (stale_ratio is 50.00% at 20 s).",
    ]
    assert found[5].endswith("for one. About 15 seeds may tell (`--seeds 15`).")
    by_precision = told(replace(sweep, by_precision=True), "stale_ratio=1%")
    assert by_precision[5].endswith("for one. A smaller half-width in `--precision` may tell.")


def test_the_limit_that_binds_is_named(one_run: Outcome) -> None:
    """Of two limits that are missed, it is the one missed by the larger factor; no stale read has no age."""
    sweep = known(
        one_run,
        TIMEOUT,
        {
            TtlOnly: lambda timeout, seed: {
                "stale_ratio": 0.02,
                "stale_age_p99_s": timeout / 10 + noise(seed, 0.1),
            },
            Versioning: lambda _timeout, _seed: {"stale_ratio": 0.0, "stale_age_p99_s": nan},
        },
    )
    found = told(sweep, "stale_ratio=5%", "stale_age_p99_s=10s")
    assert found[2].startswith(
        "`ttl-only`: met with a timeout up to 60 s, not from 120 s on (stale_age_p99_s is 12 s at"
    )
    assert found[3] == "`versioning`: met at every value of timeout."
    both = told(sweep, "stale_ratio=1.5%", "stale_age_p99_s=1s")
    assert both[2] == "`ttl-only`: met at no value of timeout (stale_age_p99_s is 2 s at 20 s)."


def test_none_seen_of_few_reads_is_not_surely_below_a_limit(one_run: Outcome) -> None:
    """A share that so many reads could hide may be there, unless the strategy is never wrong by design."""
    reads = 5 * one_run.counts["reads"]
    figures = {cls: lambda _timeout, _seed: {"stale_ratio": 0.0} for cls in (TtlOnly, KeyBased)}
    sweep = known(one_run, TIMEOUT, figures)
    assert told(sweep, f"stale_ratio={4 / reads}")[2] == "`ttl-only` and `key-based`: met at every value of timeout."
    found = told(sweep, f"stale_ratio={2 / reads}")
    assert found[2] == "`ttl-only`: perhaps met at every value of timeout."
    assert found[3] == "`key-based`: met at every value of timeout."


@pytest.mark.parametrize(("log", "point"), [(False, "12"), (True, "11.6")])
def test_a_crossover_between_two_settled_neighbours_has_a_point(one_run: Outcome, log: bool, point: str) -> None:
    """The straight line between them, on the axis's own scale, crosses halfway; bounds are never ahead."""
    sweep = known(
        one_run,
        replace(RATES, log=log),
        {
            NoCache: lambda _rate, _seed: {"stale_ratio": 0.0},
            Oracle: lambda _rate, _seed: {"stale_ratio": 0.0},
            WriteThrough: lambda rate, seed: {"stale_ratio": 0.002 * rate + noise(seed, 1e-4), "queries_per_read": 0.1},
            DeleteOnWrite: lambda _rate, seed: {"stale_ratio": 0.024 + noise(seed, 1e-4), "queries_per_read": 0.2},
        },
    )
    found = told(sweep)
    assert found[2] == (
        f"Fewest outdated reads: `write-through` up to about {point} writes a second (9 and 15 were run), "
        "`delete-on-write` above."
    )
    assert found[3] == "Fewest queries: `write-through` at every value."


def test_between_values_that_are_not_settled_no_point_is_told(one_run: Outcome) -> None:
    """Where one value between them is open, there are only the settled ends; paired seeds settle what others cannot."""
    together = {seed: noise(seed, 0.02) for seed in range(1, 6)}  # the same for both: it cancels out
    alone = {1: -0.01, 2: 0.012, 3: 0.0, 4: 0.009, 5: -0.011}
    sweep = known(
        one_run,
        RATES,
        {
            WriteThrough: lambda rate, seed: {"stale_ratio": 0.05 + 0.002 * rate + together[seed]},
            DeleteOnWrite: lambda rate, seed: {
                "stale_ratio": 0.068 + together[seed] + (alone[seed] if rate == 9.0 else 0.0)
            },
        },
    )
    assert told(sweep)[2] == (
        "Fewest outdated reads: `write-through` up to 3 writes a second, `delete-on-write` from 15 writes a second on; "
        "between 3 and 15 writes a second, it is not settled."
    )


def test_those_that_are_as_good_do_not_cross(one_run: Outcome) -> None:
    """Two that differ by less than counts share the lead: the better of them at a value is no news."""
    equal = {"queries_per_read": 0.1}
    sweep = known(
        one_run,
        RATES,
        {
            WriteThrough: lambda rate, _seed: {"stale_ratio": 1e-5 if rate < 5 else 2e-5, **equal},
            Versioning: lambda rate, _seed: {"stale_ratio": 2e-5 if rate < 5 else 1e-5, **equal},
            TtlOnly: lambda _rate, _seed: {"stale_ratio": 0.1, **equal},
        },
    )
    assert told(sweep)[2] == "Fewest outdated reads: `write-through` (as good: `versioning`) at every value."


def test_who_misses_a_limit_is_not_ahead(one_run: Outcome) -> None:
    """With a limit on response times the fresher one is out where it is too slow, and nobody is left at last."""
    sweep = known(
        one_run,
        RATES,
        {
            Versioning: lambda rate, seed: {"stale_ratio": 0.001, "response_p99_s": 0.002 * rate + noise(seed, 1e-5)},
            TtlOnly: lambda rate, seed: {"stale_ratio": 0.2, "response_p99_s": 0.001 * rate + noise(seed, 1e-5)},
        },
    )
    assert "`versioning` at every value" in told(sweep)[2]
    assert told(sweep, "response_p99_s=20ms")[-2] == (
        "Fewest outdated reads: `versioning` up to 9 writes a second, `ttl-only` at 15 writes a second; "
        "nobody meets the limits with 40 writes a second."
    )


def test_nobody_between_two_stretches_is_not_taken_for_what_seeds_cannot_tell(one_run: Outcome) -> None:
    """Where the seeds are sure that nobody meets the limits, that is all that is said."""
    slow = {9.0: 0.05}
    sweep = known(
        one_run,
        RATES,
        {
            cls: lambda rate, _seed, share=share: {"stale_ratio": share, "response_p99_s": slow.get(rate, 0.001)}
            for cls, share in ((TtlOnly, 0.2), (Versioning, 0.1))
        },
    )
    found = told(sweep, "response_p99_s=20ms")[-2]
    assert "nobody meets the limits with 9 writes a second" in found
    assert "not settled" not in found


def test_who_is_no_better_than_no_cache_is_ahead_where_only_it_meets_the_limits(one_run: Outcome) -> None:
    """Else it is left out, and that is said."""
    sweep = known(
        one_run,
        TIMEOUT,
        {
            KeyBased: lambda _timeout, _seed: {"stale_ratio": 0.0, "queries_per_read": 1.1},
            TtlOnly: lambda _timeout, seed: {"stale_ratio": 0.1 + noise(seed, 0.001), "queries_per_read": 0.1},
        },
    )
    free, limited = told(sweep), told(sweep, "stale_ratio=1%")
    assert free[1].endswith("Left out where it sends as many queries as no cache at all: `key-based`.")
    assert free[2] == "Fewest outdated reads: `ttl-only` at every value."
    assert "Fewest outdated reads: `key-based` at every value." in limited


def test_none_seen_of_few_reads_is_not_surely_ahead(one_run: Outcome) -> None:
    """Two of which no wrong read was seen may differ by what so many reads can hide."""
    figures = {
        cls: lambda _timeout, _seed, each=each: {"stale_ratio": 0.0, "queries_per_read": each}
        for cls, each in ((TtlOnly, 0.1), (DeleteOnWrite, 0.2))
    }
    few = told(known(one_run, TIMEOUT, figures))
    which = "whether `delete-on-write` or `ttl-only` is ahead"
    assert few[2] == f"Fewest outdated reads: at every value, it is not settled {which}."
    many = replace(one_run, counts={**one_run.counts, "reads": 10_000})
    assert told(known(many, TIMEOUT, figures))[2] == "Fewest outdated reads: `ttl-only` at every value."


def test_limits_at_their_ends(one_run: Outcome) -> None:
    """What was seen is above 0; none seen of few reads may be many a day; without reads no age is known."""
    seldom = {TtlOnly: lambda _timeout, seed: {"stale_ratio": 0.001 * (seed == 1), "stale_reads_per_day": 0.0}}
    sweep = known(one_run, TIMEOUT, seldom)
    assert "met at no value" in told(sweep, "stale_ratio=0")[2]
    assert "perhaps met" in told(sweep, "stale_reads_per_day=10")[2]
    for share, said in ((0.0, "`ttl-only`: met"), (nan, "`ttl-only`: perhaps met")):
        ages = {TtlOnly: lambda _timeout, _seed, share=share: {"stale_ratio": share, "stale_age_p99_s": nan}}
        assert told(known(one_run, TIMEOUT, ages), "stale_age_p99_s=1")[2].startswith(said)


def test_one_seed_settles_nothing(one_run: Outcome) -> None:
    """There is no error bar, and it is said; no limit is surely met, and nobody is surely ahead."""
    figures = {
        cls: lambda _t, _s, share=share: {"stale_ratio": share} for cls, share in ((TtlOnly, 0.1), (Versioning, 0.001))
    }
    found = told(known(one_run, TIMEOUT, figures, seeds=[1]), "stale_ratio=1%")
    assert found[2] == "`ttl-only` and `versioning`: perhaps met at every value of timeout."
    open_one = "Fewest outdated reads: at every value, it is not settled whether `ttl-only` or `versioning` is ahead."
    assert open_one in found
    assert "More seeds may tell (`--seeds 5`)." in " ".join(found)
    assert any(line.startswith("One seed gives no interval, so nothing here is settled.") for line in found)


def test_troubles_are_told_and_counted(one_run: Outcome) -> None:
    """Five lines of each kind, then how many more; a sweep of which nothing has landed says so."""
    sweep = known(one_run, TIMEOUT, {TtlOnly: lambda _timeout, _seed: {"stale_ratio": 0.1}})
    point = ("ttl-only", "shared", (20.0,))
    full = Sweep(
        sweep.title,
        sweep.axes,
        sweep.landed,
        imprecise={point: "stale_ratio ±0.01 after 60 seeds"},
        warmups=("shop needs 90 s",),
        failed=tuple(f"run {nth} was killed" for nth in range(9)),
    )
    found = told(full)
    assert "Precision not reached: `ttl-only` on shared, timeout=20: stale_ratio ±0.01 after 60 seeds" in found
    assert "Warm-up too short: shop needs 90 s" in found
    assert found[-2:] == ["Failed: run 4 was killed", "and 4 more"]
    nothing = sweep_text(Sweep("made", (TIMEOUT,), (), failed=("all of it",)), ())
    assert nothing.splitlines() == ["No run has landed: there is nothing to judge.", "Failed: all of it"]
