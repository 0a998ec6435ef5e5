"""Each module here follows one kind of contract change; the folder is the list."""
