"""Flexnet: the configuration as published: load it, change it, publish it."""
