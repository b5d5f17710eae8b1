"""Starting and stopping servers."""
