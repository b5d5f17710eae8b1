"""What a configuration amounts to, told before any hub runs with it."""
