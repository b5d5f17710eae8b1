"""Functions of the configuration: when they are called, and what they are handed."""
