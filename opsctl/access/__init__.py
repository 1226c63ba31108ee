"""Who may do what: roles, tokens, and the append-only audit log."""
