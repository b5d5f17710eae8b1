"""The REST API: a file for each group of routes, named as its URLs are."""
