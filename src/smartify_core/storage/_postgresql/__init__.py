"""The inside of the PostgreSQL store: tables, statements and connections. ``storage.postgresql`` is its face."""
