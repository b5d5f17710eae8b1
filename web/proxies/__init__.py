"""The proxies that carry the hub's routes: which there are, how far each is, and the processes of those it keeps."""
