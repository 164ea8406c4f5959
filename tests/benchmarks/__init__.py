"""Benchmarks: how fast we are beside peers, and how the cost grows. Run by `make bench`; see docs/speed.md."""
