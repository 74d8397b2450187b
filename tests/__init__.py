"""Tests, and the servers they talk to."""
