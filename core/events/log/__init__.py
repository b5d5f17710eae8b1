"""What a log is: the protocol, and what is appended to one."""
