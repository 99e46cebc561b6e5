"""The speed benchmark: `python -m bench`. Not part of the wheel, and not a test."""
