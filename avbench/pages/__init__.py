"""The page that results are read on: one HTML file, and what serves it."""
