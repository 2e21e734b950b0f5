"""The inside of the SQLite store: tables, statements and connections. ``storage.sqlite`` is its face."""
