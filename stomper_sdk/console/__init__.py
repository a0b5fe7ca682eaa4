"""The only place that prints: what is for people goes to stderr, a document for programs to stdout."""
