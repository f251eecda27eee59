"""A class, from the first assignment to the final grade."""
