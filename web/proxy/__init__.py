"""The embedded proxy: a process of its own that owns the public port and outlives the hub."""
