"""What the workflow plans with: the standard library and the configuration only."""
