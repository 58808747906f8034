"""APScheduler triggers and the Procrastinate jobs that they, and slash commands, defer."""
