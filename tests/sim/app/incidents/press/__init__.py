"""A small newspaper: articles, their authors and tags."""
