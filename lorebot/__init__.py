"""The composition root: command line, settings, database and wiring. The only package that reads configuration."""
