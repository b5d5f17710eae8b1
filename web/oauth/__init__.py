"""The OAuth 2 provider: servers and services learn who visits them, and may act for who lets them.

clients.py     who may ask: running servers, and services
scopes.py      what they may be given
validator.py   what oauthlib asks of a provider; it decides, and writes nothing
provider.py    a request to oauthlib, and what came of it to the log
"""
