"""The web app, on real sockets."""
