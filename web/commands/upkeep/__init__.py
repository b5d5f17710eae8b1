"""Care for a log: its soundness, its tables, its copies."""
