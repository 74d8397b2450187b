"""Translates every row of a dataset and writes the result as files of a new dataset."""
