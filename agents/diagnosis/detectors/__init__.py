"""Each module here is one way to look at a failure; the folder is the list."""
