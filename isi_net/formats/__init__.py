"""Bytes <-> model, one file a format; opens nothing."""
