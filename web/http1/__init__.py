"""HTTP/1.1 on sockets: heads, bodies, streams, listeners; for whoever serves it."""
