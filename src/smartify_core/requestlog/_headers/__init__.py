"""What the headers of a request say, as far as the clause lets it be kept: who asked, and from where."""
