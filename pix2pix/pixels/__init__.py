"""Picture files as 8-bit RGB: training, `Translator`, the Space and `pix2pix translate` use it."""
