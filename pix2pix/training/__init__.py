"""Training: the step (`trainer`), the loop (`loop`) and what survives a kill (`checkpoints`)."""
