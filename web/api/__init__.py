"""The REST API: a file for each noun in its URLs."""
