"""The wall clock: the same strategy objects run in real Django processes and threads, in real time."""
