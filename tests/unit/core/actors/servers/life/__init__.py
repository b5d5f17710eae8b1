"""One server's actor with the real log and simulated servers, on a clock that jumps."""
