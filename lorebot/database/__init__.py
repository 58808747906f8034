"""The database: connection pool, forward-only migrations and the embedded server."""
