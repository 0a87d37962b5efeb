"""Puts the gate in front of an API that exists, records what was there before, and takes it away again.

Everything an API has that attaching can change is a *value* under a *key* (`route POST /search`, `response
ACCESS_DENIED`, `deployment`): read in bulk, compared, written one by one. That makes every step repeatable: whatever
failed, the next reading tells what is done and what is left.
"""
