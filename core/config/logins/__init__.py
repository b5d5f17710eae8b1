"""Settings of logging in: what each way demands, and what to warn of."""
