"""What the house talks about, in the administrator's nouns: frozen values and pure functions.

Standard library only.  No clock, no file, no bytes: time comes in as an argument (seconds since the
epoch, UTC), and so does everything else.
"""
