"""Code written for asyncio, in threads of its own: what it blocks, leaks or ends is its own affair."""
