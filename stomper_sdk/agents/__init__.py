"""Who edits files in a workspace; one small file each."""
