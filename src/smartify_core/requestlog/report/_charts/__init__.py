"""Drawings made by hand: SVG whose text keeps its size on every screen, because only places across are percentages.

A drawing is as wide as the page lets it be. Down, it counts in pixels. Lines are drawn in a plot of their own that is
stretched across, with strokes that are not.
"""
