"""Sweeps: many runs, over whatever varies, side by side; each lands on the disk as it ends, and a kill loses none."""
