"""Who finds findings, and finds out whether they are gone; one small file each."""
