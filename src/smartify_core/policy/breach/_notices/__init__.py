"""Notices: what is known, what each tenant is told of it, and the rounds in which that is drafted and released."""
