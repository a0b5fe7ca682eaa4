"""Frozen values, no input or output: what travels between the layers."""
