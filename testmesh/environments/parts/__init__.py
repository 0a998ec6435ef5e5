"""Backing servers that an environment brings along, one kind a module, declared as `PART`."""
