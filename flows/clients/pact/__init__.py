"""Pact contracts (https://github.com/pact-foundation/pact-specification, versions 2 to 4), read and compared."""
