"""The HTTP API: request handling, and thin routes over the other packages."""
