"""Checks of a deployed stack, end to end. They read, and change nothing.

`checkup` runs the checks and says what came out; each other module has the checks of one part, and `patient` is what
they look at.
"""
