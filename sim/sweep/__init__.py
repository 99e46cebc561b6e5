"""Sweeps: many runs, over whatever varies, side by side. Each is saved as it ends, and a kill loses no finished run."""
