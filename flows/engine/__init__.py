"""The engine decides and judges evidence; it never opens a connection and never waits."""
