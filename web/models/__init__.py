"""The JSON of users, servers, tokens, groups and shares."""
