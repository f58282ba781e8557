"""Starts routerd and nginx beside each other, loads them in turn, and compares what a CPU-second of each brings."""
