"""Trials of the real coding-agent tools against the scripted model server, without a network."""
