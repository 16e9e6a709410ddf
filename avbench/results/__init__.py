"""From scores to tables and claims."""
