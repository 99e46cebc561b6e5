"""The wall clock: the same strategy objects in real Django processes and threads, real time passing."""
