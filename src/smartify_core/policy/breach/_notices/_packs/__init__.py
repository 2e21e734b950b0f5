"""The languages of notices: one module for each, with the same messages in all of them. Pure."""
