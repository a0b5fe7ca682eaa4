"""Coding-agent tools as agents: each is a preset, that is data and a parser, and `tool` runs them all."""
