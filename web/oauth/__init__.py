"""The OAuth 2 provider: servers and services learn who visits them, and may act for who lets them.

validator.py   what oauthlib asks of a provider; it decides, and writes nothing
provider.py    a request to oauthlib, and what came of it to the log

Who may ask, and what they may be given, is in web/rights: oauth_clients.py and oauth_scopes.py.
"""
