"""Where frameworks keep the templates of their routes."""
