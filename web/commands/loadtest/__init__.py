"""`callboard loadtest`: a hub under the load of simulated people."""
