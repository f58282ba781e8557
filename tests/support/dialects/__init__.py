"""Scripted providers of every wire format: how each speaks, and what each refuses."""
