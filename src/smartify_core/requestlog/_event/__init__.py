"""What a line of the log says: its schema, its vocabulary, the record itself, and how it is read again."""
