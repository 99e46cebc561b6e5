"""The engine: the calendar, the fleet of workers, the database, and the site of a request, all on virtual time."""
