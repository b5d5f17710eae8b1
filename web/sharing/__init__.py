"""Sharing servers, giving rights away, and issuing tokens: nobody gives what they do not hold."""
