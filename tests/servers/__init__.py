"""Real servers for the tests, from wheels and package registries (recipes measured in the project's SERVERS page)."""
