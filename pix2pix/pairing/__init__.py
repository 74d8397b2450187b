"""Builds a paired dataset, in the layout of huggan/maps, from the pictures that people have."""
