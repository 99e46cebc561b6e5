"""The scenarios: one runnable file each, holding a frozen `SCENARIO`. A new file here is found by its name."""
