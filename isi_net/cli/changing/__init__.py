"""The verbs that set what the network is made of: a file a noun, loaded when one of them is used.

An option for every field takes as long to make as all that a reading verb needs, and most commands read.
"""
