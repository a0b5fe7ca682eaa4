"""Tests after the fix: which to run, where they import from, and what they prove."""

from stomper_sdk.validation.graph import ImportGraph
from stomper_sdk.validation.roots import import_roots, tree_environment
from stomper_sdk.validation.selection import TestSelection, select_tests
from stomper_sdk.validation.suite import NoTests, TestSuite
from stomper_sdk.validation.verdict import BaseTree, TestFailure, TestVerdict

__all__ = [
    "BaseTree",
    "ImportGraph",
    "NoTests",
    "TestFailure",
    "TestSelection",
    "TestSuite",
    "TestVerdict",
    "import_roots",
    "select_tests",
    "tree_environment",
]
