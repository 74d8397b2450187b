"""Writes the generator for other programs: as generator.onnx, and in other formats."""
