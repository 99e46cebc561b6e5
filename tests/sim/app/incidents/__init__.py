"""One small project, `press`, and what goes wrong in it: an experiment a file, each with its cure as a variant."""
