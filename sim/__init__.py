"""The simulator: a discrete-event simulation over real Django cache backends, every read judged."""
