"""What the token service and the authorizer share: token, key ring, plans, table, decision.

Pure: no AWS client, no environment, no clock and no import of the other packages.
"""
