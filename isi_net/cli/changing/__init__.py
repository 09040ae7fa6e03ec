"""The verbs that change a noun: a file beside the noun's own, loaded when one of them is used.

Most commands only read, and what is here takes as long to load as all that they need.
"""
