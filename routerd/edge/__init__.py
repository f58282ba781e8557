"""The data plane's door: HTTP/1.1 in, HTTP/1.1 out, and the way to everything else on the same port."""
