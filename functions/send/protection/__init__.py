"""How a session with a destination must be protected: by override, DANE or MTA-STS.

TLS reporting (RFC 8460) is not done.
"""
