"""Trees in which files are fixed: async context managers that lend one and clear it away."""
