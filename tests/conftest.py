"""Its being here puts tests/ on the path, so that any test can say `from strategies import …`."""
