"""Training: one step (`trainer`), the loop around it (`loop`) and its `checkpoints`."""
