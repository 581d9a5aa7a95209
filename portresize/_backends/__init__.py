"""One file per array library: `run(x, spec)`."""
