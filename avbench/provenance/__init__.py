"""How results came to be, and what they cost."""
