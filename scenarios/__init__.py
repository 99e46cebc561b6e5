"""The scenarios: one runnable file each, with a frozen `SCENARIO`. A new file here is found by its name."""
