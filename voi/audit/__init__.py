"""Who did what: the audit log, written and told."""
