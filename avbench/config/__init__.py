"""The configuration: a module a section."""
