"""The edge, on real sockets."""
