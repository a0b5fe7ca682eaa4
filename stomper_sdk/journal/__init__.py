"""What happened, durably: sessions, and what dead ones left behind."""
