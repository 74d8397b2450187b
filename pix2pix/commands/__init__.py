"""The commands of `pix2pix <command>`, one module each."""
