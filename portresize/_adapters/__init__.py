"""Parts of the adapters that import no framework."""
