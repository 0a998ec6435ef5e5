"""OpenAPI 3.0 and 3.1 descriptions, as far as one operation needs them to be called and its answer checked."""
