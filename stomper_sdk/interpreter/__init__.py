"""How a pipeline runs: every name resolved first, then the tree of stages as declared."""
