"""spfmodel: how Linux page-fault locking behaves under load, and what speculative page faults gain."""
