"""The daemon: everything put together, turn by turn."""
