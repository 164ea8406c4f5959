"""Three solvers of the same `Network`: closed forms, exact chains, simulation."""
