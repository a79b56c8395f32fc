"""The database: SQLAlchemy Core on SQLite or PostgreSQL, one repository a subject."""
