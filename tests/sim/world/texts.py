"""Texts to throw at the parsers: nearly right ones, and anything at all."""

from hypothesis import strategies as st

NAMES = (
    *("uniform", "zipf", "hotspot", "same", "poisson", "bursts", "daily", "flash"),
    *("exponential", "lognormal", "constant", "auto", "none", "", " zipf", "ZIPF", "z\u0131pf"),
)
NUMBERS = st.one_of(
    st.sampled_from(
        ["0", "1", "0.5", "2", "-1", "1e-9", "1e400", "-1e400", "nan", "inf", "1_000", "٣", "½", "0x10", "1e-320"]
    ),
    st.sampled_from(["9" * 400, "9" * 5000, "1e308", "0.001", "10", " 3 ", "", "1,5", "+.5", "1\n2", "\0"]),
    st.floats().map(repr),
    st.integers().map(str),
    st.text(max_size=4),
)
SPEC = st.one_of(
    st.builds(lambda name, numbers: ":".join([name, *numbers]), st.sampled_from(NAMES), st.lists(NUMBERS, max_size=4)),
    NUMBERS,
    st.text(max_size=20),
)
