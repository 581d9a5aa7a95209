"""The ground floor: what Pillow computes, as data. Standard library and numpy only."""
