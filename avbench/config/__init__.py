"""The configuration: a module per section."""
