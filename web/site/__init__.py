"""Where the hub is: addresses, hosts, base URL, version. Known from the settings alone."""
