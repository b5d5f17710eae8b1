"""What people see: HTML, its scripts and styles."""
