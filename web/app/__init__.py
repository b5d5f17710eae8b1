"""The application: routes and error handlers, the guard before them, serving."""
