"""Git: what lies in a checkout, and exact commits on a branch. All of it blocks: call it in a thread."""
