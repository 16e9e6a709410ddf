"""Labels for pairing that differ from the true ones."""
