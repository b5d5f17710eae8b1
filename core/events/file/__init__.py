"""The log as a SQLite file: written in groups, chained, checked, copied, given room."""
