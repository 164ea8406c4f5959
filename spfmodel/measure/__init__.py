"""What this host costs, from real page faults and real mmap, munmap, mprotect, madvise and brk in pinned threads.

No compiler is needed: numba's compiled loops call the C library (libc, loops, load). A session is made of rounds of
probes (plan: probes, together, processes, loads); robust and noise say how sure a number is; costs, sharing and result
turn the numbers into a machine file; here predicts this host's own loads from it.
"""
