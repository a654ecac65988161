"""Routes a live conversation to the right model by what is said and by how it is said."""

__version__ = "0.1.0"
