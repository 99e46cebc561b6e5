"""The rows as a Django model. Import it only where Django is set up: a worker process of a real run."""

from typing import Any

from django.db import models


class Stored(models.Model):
    """One key's row: `version` counts its committed writes."""

    key: Any = models.TextField(primary_key=True)
    version: Any = models.BigIntegerField(default=0)
    payload: Any = models.BinaryField()

    class Meta:
        """The table belongs to the harness, not to an app with migrations."""

        app_label = "cachewise"
        db_table = "cachewise_rows"

    def __str__(self) -> str:
        """Return the row for people."""
        return f"{self.key} at version {self.version}"
